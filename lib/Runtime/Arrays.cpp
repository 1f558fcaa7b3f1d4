//===- Arrays.cpp - IDX and .npy ------------------------------------------------------------===//
#include "Dataset.h"

#include <algorithm>
#include <cstring>

using namespace dlrt;

int64_t Array::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

/// Product of the sizes; -1 if it overflows what memory could hold.
static int64_t countElements(const std::vector<int64_t> &shape) {
  constexpr int64_t most = int64_t(1) << 40;
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0 || (size > 0 && count > most / size))
      return -1;
    count *= size;
  }
  return count;
}

/// Turns elements of `width` bytes round, in place.
static void swapBytes(uint8_t *data, int64_t count, int width) {
  for (int64_t i = 0; i < count; ++i)
    std::reverse(data + i * width, data + (i + 1) * width);
}

/// Rewrites `count` elements as another type, into a buffer of their own.
template <typename From, typename To> static bool widen(Array &array, int64_t count) {
  Buffer wide;
  if (!wide.allocate(static_cast<size_t>(count) * sizeof(To)))
    return false;
  for (int64_t i = 0; i < count; ++i) {
    From value;
    memcpy(&value, array.data() + i * sizeof(From), sizeof(From));
    To other = static_cast<To>(value);
    memcpy(wide.data() + i * sizeof(To), &other, sizeof(To));
  }
  array.buffer = std::move(wide);
  array.offset = 0;
  return true;
}

static Status noMemory(const std::string &name) {
  return Status::error("no memory for the array in '" + name + "'", StatusCode::OutOfMemory);
}

Status dlrt::parseIdx(Buffer &&bytes, size_t size, const std::string &name, Array &out) {
  auto corrupt = [&](const std::string &why) {
    return Status::error("'" + name + "' is not a usable IDX file: " + why, StatusCode::Corrupt);
  };
  const uint8_t *head = bytes.data();
  if (size < 4 || head[0] != 0 || head[1] != 0)
    return corrupt("it does not begin with two zero bytes");
  int code = head[2], rank = head[3];
  if (rank < 1 || rank > 8 || size < size_t(4 + 4 * rank))
    return corrupt("its header is cut off");
  out.shape.clear();
  for (int d = 0; d < rank; ++d) {
    const uint8_t *p = head + 4 + 4 * d;
    out.shape.push_back(int64_t(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3]);
  }
  int width = code == 0x08 || code == 0x09   ? 1
              : code == 0x0B                 ? 2
              : code == 0x0C || code == 0x0D ? 4
              : code == 0x0E                 ? 8
                                             : 0;
  if (!width)
    return corrupt("unknown element type " + std::to_string(code));
  int64_t count = countElements(out.shape);
  out.offset = 4 + 4 * rank;
  if (count < 0 || size - out.offset != size_t(count) * width)
    return corrupt("its header promises " + std::to_string(count) + " elements, but " +
                   std::to_string(size - out.offset) + " bytes follow");
  if (width > 1)
    swapBytes(bytes.data() + out.offset, count, width);
  out.buffer = std::move(bytes);
  bool good = true;
  switch (code) {
  case 0x08:
    out.type = ElementType::U8;
    break;
  case 0x09:
    out.type = ElementType::I32;
    good = widen<int8_t, int32_t>(out, count);
    break;
  case 0x0B:
    out.type = ElementType::I32;
    good = widen<int16_t, int32_t>(out, count);
    break;
  case 0x0C:
    out.type = ElementType::I32;
    break;
  case 0x0D:
    out.type = ElementType::F32;
    break;
  default:
    out.type = ElementType::F64;
    break;
  }
  return good ? Status() : noMemory(name);
}

namespace {
/// The dictionary in a .npy header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct NpyHeader {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};
} // namespace

static bool parseNpyHeader(const std::string &text, NpyHeader &out) {
  auto after = [&](const char *key) {
    size_t at = text.find(std::string("'") + key + "'");
    return at == std::string::npos ? at : text.find(':', at);
  };
  size_t descr = after("descr"), order = after("fortran_order"), shape = after("shape");
  if (descr == std::string::npos || order == std::string::npos || shape == std::string::npos)
    return false;
  size_t open = text.find('\'', descr),
         close = open == std::string::npos ? open : text.find('\'', open + 1);
  if (close == std::string::npos)
    return false;
  out.descr = text.substr(open + 1, close - open - 1);
  size_t word = text.find_first_not_of(" :", order);
  out.fortran = word != std::string::npos && text.compare(word, 4, "True") == 0;
  size_t begin = text.find('(', shape),
         end = begin == std::string::npos ? begin : text.find(')', begin);
  if (end == std::string::npos)
    return false;
  for (size_t at = begin + 1; at < end;) {
    if (text[at] == ' ' || text[at] == ',') {
      ++at;
      continue;
    }
    int64_t size = 0;
    size_t digits = 0;
    while (at < end && text[at] >= '0' && text[at] <= '9' && digits++ < 15)
      size = size * 10 + (text[at++] - '0');
    if (!digits || (at < end && text[at] != ',' && text[at] != ' '))
      return false;
    out.shape.push_back(size);
  }
  return out.shape.size() <= 8;
}

/// Columns first to rows first.
static bool fromFortran(Array &array, int64_t count, int width) {
  Buffer turned;
  if (!turned.allocate(static_cast<size_t>(count) * width))
    return false;
  std::vector<int64_t> index(array.shape.size(), 0);
  for (int64_t i = 0; i < count; ++i) { // i counts the source, first dimension fastest
    int64_t to = 0;
    for (size_t d = 0; d < index.size(); ++d)
      to = to * array.shape[d] + index[d];
    memcpy(turned.data() + to * width, array.data() + i * width, width);
    for (size_t d = 0; d < index.size() && ++index[d] == array.shape[d]; ++d)
      index[d] = 0;
  }
  array.buffer = std::move(turned);
  array.offset = 0;
  return true;
}

Status dlrt::parseNpy(Buffer &&bytes, size_t size, const std::string &name, Array &out) {
  auto corrupt = [&](const std::string &why) {
    return Status::error("'" + name + "' is not a usable .npy file: " + why, StatusCode::Corrupt);
  };
  const uint8_t *head = bytes.data();
  if (size < 12 || memcmp(head, "\x93NUMPY", 6) != 0)
    return corrupt("it does not begin with \\x93NUMPY");
  int version = head[6];
  if (version < 1 || version > 3)
    return corrupt("unknown version " + std::to_string(version));
  size_t length = head[8] | head[9] << 8, start = 10;
  if (version > 1) {
    length |= size_t(head[10]) << 16 | size_t(head[11]) << 24;
    start = 12;
  }
  if (length > size - start)
    return corrupt("its header is cut off");
  NpyHeader header;
  if (!parseNpyHeader(std::string(reinterpret_cast<const char *>(head + start), length), header) ||
      header.descr.size() != 3)
    return corrupt("its header cannot be understood");
  char order = header.descr[0], kind = header.descr[1];
  int width = header.descr[2] - '0';
  std::string type{kind, header.descr[2]};
  static const char *const known[] = {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "b1"};
  if (std::none_of(std::begin(known), std::end(known), [&](const char *k) { return type == k; }))
    return corrupt("elements of type '" + header.descr +
                   "' are not supported; convert them, for example with astype('float32')");
  out.shape = header.shape;
  int64_t count = countElements(out.shape);
  out.offset = start + length;
  if (count < 0 || size - out.offset != size_t(count) * width)
    return corrupt("its header promises " + std::to_string(count) + " elements, but " +
                   std::to_string(size - out.offset) + " bytes follow");
  if (order == '>' && width > 1)
    swapBytes(bytes.data() + out.offset, count, width);
  out.buffer = std::move(bytes);
  if (header.fortran && out.shape.size() > 1 && !fromFortran(out, count, width))
    return noMemory(name);
  bool good = true;
  if (type == "f4")
    out.type = ElementType::F32;
  else if (type == "f8")
    out.type = ElementType::F64;
  else if (type == "u1")
    out.type = ElementType::U8;
  else if (type == "b1")
    out.type = ElementType::Bool;
  else {
    out.type = ElementType::I32;
    if (type == "i1")
      good = widen<int8_t, int32_t>(out, count);
    if (type == "i2")
      good = widen<int16_t, int32_t>(out, count);
    if (type == "u2")
      good = widen<uint16_t, int32_t>(out, count);
    if (type == "i8" || type == "u4") {
      for (int64_t i = 0; i < count; ++i) {
        int64_t value = 0;
        memcpy(&value, out.data() + i * width, width);
        if (value < INT32_MIN || value > INT32_MAX)
          return corrupt("the integer " + std::to_string(value) + " does not fit into 32 bits");
      }
      good =
          type == "i8" ? widen<int64_t, int32_t>(out, count) : widen<uint32_t, int32_t>(out, count);
    }
  }
  return good ? Status() : noMemory(name);
}
