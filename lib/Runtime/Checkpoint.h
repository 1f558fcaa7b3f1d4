//===- Checkpoint.h - Tensors in a safetensors file -----------------------------------------===//
#ifndef DLRT_CHECKPOINT_H
#define DLRT_CHECKPOINT_H

#include "Dataset.h"
#include "Status.h"

#include <map>
#include <string>
#include <vector>

namespace dlrt {

/// A tensor to write.
struct TensorView {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  const void *data = nullptr;
};

/// A tensor that was read; `data` lies in the checkpoint's buffer.
struct LoadedTensor {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  const uint8_t *data = nullptr;
  size_t bytes = 0;
};

using Metadata = std::map<std::string, std::string>;

/// What a file holds.
struct Checkpoint {
  std::vector<LoadedTensor> tensors;
  Metadata metadata; /// without the checksums
  Buffer buffer;
  /// The tensor of that name, or null.
  const LoadedTensor *find(const std::string &name) const;
};

/// Whether saveCheckpoint will be able to write `path`, as far as that can be known before. Removes
/// what processes that were killed while they saved there left behind.
Status checkWritable(const std::string &path);

/// Writes a safetensors file: under a new name in the same folder, synced, then renamed over
/// `path`, so that `path` holds the old or the new state whenever the machine stops. CRC-32
/// checksums of all tensors stand in the metadata.
Status saveCheckpoint(const std::string &path, const std::vector<TensorView> &tensors,
                      const Metadata &metadata);

/// Reads a safetensors file. Sizes, offsets, types and, where the file has them, checksums are
/// verified; a foreign or damaged file is refused with the reason.
Status loadCheckpoint(const std::string &path, Checkpoint &out);

/// The same for a file in memory.
Status parseCheckpoint(Buffer &&bytes, size_t size, const std::string &name, Checkpoint &out);

} // namespace dlrt
#endif // DLRT_CHECKPOINT_H
