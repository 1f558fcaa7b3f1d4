//===- Philox.h - Counter-based random numbers in generated code --------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_PHILOX_H
#define DLC_LIB_CONVERSION_PHILOX_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dlc {

using PhiloxWords = std::array<mlir::Value, 4>;

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) for each
/// element number (an i64 or a vector of them). Counter: element (two words), step, stream; key:
/// seed.
PhiloxWords emitPhilox(mlir::ImplicitLocOpBuilder &b, mlir::Value element, mlir::Value step,
                       int64_t stream, mlir::Value seed);

/// In [0, 1).
mlir::Value uniformFromWords(mlir::ImplicitLocOpBuilder &b, const PhiloxWords &words,
                             mlir::Type type);

/// Mean 0, deviation 1, by Box and Muller.
mlir::Value normalFromWords(mlir::ImplicitLocOpBuilder &b, const PhiloxWords &words,
                            mlir::Type type);

} // namespace dlc

#endif
