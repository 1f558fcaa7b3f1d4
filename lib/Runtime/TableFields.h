//===- TableFields.h - Fields out of a table's cells ----------------------------------------===//
#ifndef DLRT_TABLEFIELDS_H
#define DLRT_TABLEFIELDS_H

#include "Dataset.h"
#include "Status.h"

#include <string>
#include <vector>

namespace dlrt {

/// Reads the fields of a program from a table: finds their columns and turns cells into numbers.
/// What is refused is named by file, line and column.
class TableFields {
public:
  /// `name` is the table's in messages. Columns and classes that were `trained` are found again
  /// under their names; those found here are put down in `learned`.
  TableFields(Table &table, const std::string &name, const DataNames &trained, DataNames &learned)
      : table(table), name(name), trained(trained), learned(learned) {}

  /// Leaves out the rows where a cell is missing that a field wants to have.
  Status dropRows(const std::vector<FieldInfo> &fields);
  /// Finds the columns that make up a field.
  Status findColumns(const FieldInfo &field, std::vector<size_t> &columns);
  /// Makes all rows of the field out of these columns.
  Status fill(const FieldInfo &field, const std::vector<size_t> &columns, Buffer &out);

private:
  Status error(const std::string &what) const;
  Status errorAt(size_t row, size_t column, const std::string &what) const;
  std::string columnName(size_t column) const;
  Status findColumn(const Json &which, const std::string &field, size_t &column) const;
  Status findColumn(const std::string &which, const std::string &field, size_t &column) const;
  Status findRange(const FieldInfo &field, std::vector<size_t> &columns);
  Status fillNumbers(const FieldInfo &field, const std::vector<size_t> &columns, Buffer &out);
  Status fillClasses(const FieldInfo &field, size_t column, Buffer &out);
  Status fillKnownClasses(const std::vector<std::string> &classes, size_t column, Buffer &out);

  Table &table;
  const std::string &name;
  const DataNames &trained;
  DataNames &learned;
};

} // namespace dlrt
#endif // DLRT_TABLEFIELDS_H
