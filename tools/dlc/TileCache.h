//===- TileCache.h - What measuring products on a GPU came to -----------------------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_TILECACHE_H
#define DLC_TOOLS_DLC_TILECACHE_H

#include "Gpu/Driver.h"

#include <map>
#include <string>

namespace dlc {

/// The microseconds that each tile of a product took.
using TileTimes = std::map<std::string, double>;

/// A file for each device in the user's cache. Times count for the very compiler, device and driver
/// that they were measured with.
class TileCache {
public:
  explicit TileCache(const dlrt::cuda::DeviceInfo &device);

  /// Reads the file, if there is one. Says why it is of no use, or nothing.
  std::string load();
  /// Writes it in one piece: whoever reads meanwhile has the old one. Says why it cannot, or
  /// nothing.
  std::string save() const;

  const std::string &path() const { return file; }

  std::map<std::string, TileTimes> products;

private:
  std::string file;   // empty where there is no folder for it
  std::string origin; // compiler, device and driver
};

} // namespace dlc

#endif
