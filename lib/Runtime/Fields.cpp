//===- Fields.cpp - Elements and fields -----------------------------------------------------===//
#include "Dataset.h"

#include <cstring>

using namespace dlrt;

int64_t dlrt::elementSize(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return 8;
  case ElementType::F32:
  case ElementType::I32:
    return 4;
  default:
    return 1;
  }
}

const char *dlrt::elementName(ElementType type) {
  static const char *const names[] = {"f32", "f64", "i32", "u8", "bool"};
  return names[static_cast<int>(type)];
}

Status dlrt::parseElementType(const std::string &name, ElementType &out) {
  for (int i = 0; i < 5; ++i)
    if (name == elementName(static_cast<ElementType>(i))) {
      out = static_cast<ElementType>(i);
      return Status();
    }
  return Status::error("unknown element type '" + name + "' in the manifest",
                       StatusCode::Incompatible);
}

int64_t FieldInfo::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

Status dlrt::parseFields(const Json &manifest, std::vector<FieldInfo> &out) {
  out.clear();
  for (const Json &json : manifest["fields"].array()) {
    FieldInfo &field = out.emplace_back();
    field.name = json["name"].string();
    if (Status status = parseElementType(json["type"].string(), field.type); !status.ok())
      return status;
    for (const Json &size : json["shape"].array())
      field.shape.push_back(size.integer(-1));
    field.classes = json["classes"].integer();
    field.source = json["source"];
    if (field.classes && (field.type != ElementType::I32 || !field.shape.empty()))
      return Status::error("the classes of field '" + field.name + "' are not numbers",
                           StatusCode::Incompatible);
    field.sourceKind = field.source["kind"].string();
    field.missing = field.source["missing"].string();
    constexpr int64_t most = int64_t(1) << 33;
    int64_t count = 1;
    for (int64_t size : field.shape) {
      if (size < 1 || count > most / size)
        return Status::error("the shape of field '" + field.name + "' makes no sense",
                             StatusCode::Incompatible);
      count *= size;
    }
  }
  return Status();
}

Status dlrt::checkLabels(const FieldInfo &field, const void *rows, int64_t count,
                         const std::string &name) {
  if (!field.classes)
    return Status();
  const int32_t *labels = static_cast<const int32_t *>(rows);
  for (int64_t r = 0; r < count; ++r)
    if (labels[r] < 0 || labels[r] >= field.classes)
      return Status::error(name + ", example " + std::to_string(r) + ": the label " +
                               std::to_string(labels[r]) + " is not in class(" +
                               std::to_string(field.classes) + ") of '" + field.name + "'",
                           StatusCode::DataError);
  return Status();
}

bool dlrt::storeNumber(ElementType type, uint8_t *array, int64_t index, double value) {
  switch (type) {
  case ElementType::F32: {
    float number = static_cast<float>(value);
    memcpy(array + 4 * index, &number, 4);
    return true;
  }
  case ElementType::F64:
    memcpy(array + 8 * index, &value, 8);
    return true;
  case ElementType::I32: {
    int32_t number =
        value >= -2147483648.0 && value <= 2147483647.0 ? static_cast<int32_t>(value) : 0;
    memcpy(array + 4 * index, &number, 4);
    return number == value;
  }
  case ElementType::U8:
    array[index] = value >= 0 && value <= 255 ? static_cast<uint8_t>(value) : 0;
    return array[index] == value;
  case ElementType::Bool:
    array[index] = value != 0;
    return value == 0 || value == 1;
  }
  return false;
}
