//===- DataLocations.h - Where data sets are found ------------------------------------------===//
#ifndef DLRT_DATALOCATIONS_H
#define DLRT_DATALOCATIONS_H

#include "Status.h"

#include <string>
#include <vector>

namespace dlrt {

bool isFolder(const std::string &path);
bool isFile(const std::string &path);
/// Names in a folder, sorted; none if it cannot be read.
std::vector<std::string> listFolder(const std::string &path);
bool endsWith(const std::string &text, const std::string &end);

/// The user's folder for what can be had again, which need not exist: dlc in $XDG_CACHE_HOME or in
/// ~/.cache. Empty where there is neither.
std::string cacheFolder();

/// A data set that `--data NAME` finds.
struct DataSet {
  std::string name, path;
  int64_t bytes = 0;
};

/// Folders that are searched for data sets, in this order: $DLC_DATA, examples/data here and
/// beside the program, the share folder of the installed program, the user's cache.
std::vector<std::string> dataFolders();

/// Every data set in these folders; of one name the first.
std::vector<DataSet> listDataSets();

/// The file or folder that `--data` means: a path that exists, or the name of a set.
Status findData(const std::string &nameOrPath, std::string &outPath);

} // namespace dlrt
#endif // DLRT_DATALOCATIONS_H
