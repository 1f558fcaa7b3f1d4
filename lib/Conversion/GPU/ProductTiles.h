//===- ProductTiles.h - Which tile a product gets -----------------------------------*- C++ -*-===//
//
// A product has several tiles to choose from. The one with the shortest estimated time is taken,
// unless times were measured. That is done from outside, through attributes of the module:
//
//   dl.candidate = 2        every product gets the third of its tiles, and says in `choices` which
//                           product it is and what its tiles are
//   dl.tiles = {"..." = "64x64x16 ..."}
//                           a product that is listed gets that tile, if it is one of its own;
//                           dl.measured_tiles says how many did
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_CONVERSION_GPU_PRODUCTTILES_H
#define DLC_LIB_CONVERSION_GPU_PRODUCTTILES_H

#include "Launch.h"

#include <string>

namespace dlc {

/// Names a tile among those of one product: "wgmma 128x256x64", "64x64x16 by 4x4, 3 stages".
std::string tileText(const Launch &launch);

/// Names a product by all that its code depends on besides its tile: "f32 64x128 of 784 terms" and
/// a hash of what the kernel does. Products of equal text have the same times.
std::string productText(KernelOp kernel, int64_t batch, ProductFormat format);

/// Chooses among the launches of a product, which begin with the one that is estimated to be best.
const Launch &chooseTile(KernelOp kernel, int64_t batch, ProductFormat format,
                         llvm::ArrayRef<Launch> launches);

} // namespace dlc

#endif
