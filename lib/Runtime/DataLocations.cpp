//===- DataLocations.cpp --------------------------------------------------------------------===//
#include "DataLocations.h"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlrt;

static bool statMode(const std::string &path, struct stat &info) {
  return !path.empty() && stat(path.c_str(), &info) == 0;
}

bool dlrt::isFolder(const std::string &path) {
  struct stat info;
  return statMode(path, info) && S_ISDIR(info.st_mode);
}

bool dlrt::isFile(const std::string &path) {
  struct stat info;
  return statMode(path, info) && S_ISREG(info.st_mode);
}

bool dlrt::endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::vector<std::string> dlrt::listFolder(const std::string &path) {
  std::vector<std::string> names;
  DIR *folder = opendir(path.c_str());
  if (!folder)
    return names;
  while (dirent *entry = readdir(folder))
    if (entry->d_name[0] != '.')
      names.push_back(entry->d_name);
  closedir(folder);
  std::sort(names.begin(), names.end());
  return names;
}

/// The folder of the running program.
static std::string programFolder() {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  std::string text(path, length > 0 ? length : 0);
  size_t slash = text.rfind('/');
  return slash == std::string::npos ? "" : text.substr(0, slash);
}

static std::string parent(const std::string &folder) {
  size_t slash = folder.rfind('/');
  return slash == std::string::npos ? "" : folder.substr(0, slash);
}

std::string dlrt::cacheFolder() {
  if (const char *cache = getenv("XDG_CACHE_HOME"); cache && *cache)
    return std::string(cache) + "/dlc";
  const char *home = getenv("HOME");
  return home && *home ? std::string(home) + "/.cache/dlc" : "";
}

std::vector<std::string> dlrt::dataFolders() {
  std::vector<std::string> folders;
  if (const char *list = getenv("DLC_DATA")) {
    std::string text(list);
    for (size_t at = 0; at <= text.size();) {
      size_t colon = std::min(text.find(':', at), text.size());
      if (colon > at)
        folders.push_back(text.substr(at, colon - at));
      at = colon + 1;
    }
  }
  folders.push_back("examples/data");
  std::string program = programFolder();
  if (!program.empty()) { // build/PRESET/bin in a source tree, or bin in a prefix
    folders.push_back(parent(parent(parent(program))) + "/examples/data");
    folders.push_back(parent(program) + "/share/dlc/data");
  }
  if (std::string cache = cacheFolder(); !cache.empty())
    folders.push_back(cache);
  return folders;
}

static int64_t bytesOf(const std::string &path) {
  struct stat info;
  if (!statMode(path, info))
    return 0;
  if (!S_ISDIR(info.st_mode))
    return info.st_size;
  int64_t total = 0;
  for (const std::string &name : listFolder(path))
    total += isFile(path + "/" + name) ? bytesOf(path + "/" + name) : 0;
  return total;
}

/// The name of the set that an entry of a data folder is; empty if it is none.
static std::string setName(const std::string &folder, const std::string &entry) {
  if (isFolder(folder + "/" + entry))
    return entry;
  for (const char *end : {".csv", ".csv.gz", ".npy"})
    if (endsWith(entry, end))
      return entry.substr(0, entry.size() - std::string(end).size());
  return "";
}

std::vector<DataSet> dlrt::listDataSets() {
  std::vector<DataSet> sets;
  for (const std::string &folder : dataFolders())
    for (const std::string &entry : listFolder(folder)) {
      std::string name = setName(folder, entry);
      bool known =
          std::any_of(sets.begin(), sets.end(), [&](const DataSet &s) { return s.name == name; });
      if (!name.empty() && !known)
        sets.push_back({name, folder + "/" + entry, bytesOf(folder + "/" + entry)});
    }
  return sets;
}

Status dlrt::findData(const std::string &nameOrPath, std::string &outPath) {
  if (isFolder(nameOrPath) || isFile(nameOrPath)) {
    outPath = nameOrPath;
    return Status();
  }
  std::string known;
  for (const DataSet &set : listDataSets()) {
    if (set.name == nameOrPath) {
      outPath = set.path;
      return Status();
    }
    known += (known.empty() ? "" : ", ") + set.name;
  }
  std::string searched;
  for (const std::string &folder : dataFolders())
    searched += (searched.empty() ? "" : ", ") + folder;
  return Status::error("there is no data set or file '" + nameOrPath + "'; known sets: " +
                           (known.empty() ? "none" : known) + " (searched: " + searched + ")",
                       StatusCode::NotFound);
}
