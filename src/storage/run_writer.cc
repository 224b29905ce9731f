#include "storage/run_writer.h"

#include <utility>

#include "storage/table_reader.h"

namespace terrace::storage {

// Records of one position stay together: tables of a run have none in common (M2).
bool RunWriter::EndsTable(const KeyRecord& record) const {
  if (record.position() == last_) return false;
  if (writer_->estimated_bytes() >= options_.table_bytes_max) return true;
  const unsigned bits = options_.partition_bits;
  return bits != 0 &&
         (record.space != last_.space || record.hash >> (64 - bits) != last_.hash >> (64 - bits));
}

Status RunWriter::Add(const KeyRecord& record, Bytes value) {
  if (Status status = BeginRecord(record); !status.ok()) return status;
  return writer_->Add(record, value);
}

Status RunWriter::BeginValue(const KeyRecord& record) {
  if (Status status = BeginRecord(record); !status.ok()) return status;
  return writer_->BeginValue(record);
}

// In a table that takes it.
Status RunWriter::BeginRecord(const KeyRecord& record) {
  if (writer_ != nullptr && EndsTable(record)) {
    if (Status status = FinishTable(); !status.ok()) return status;
  }
  if (writer_ == nullptr) {
    number_ = manifest_.NewFileNumber();
    auto writer = TableWriter::Create(files_, manifest_.TablePath(number_),
                                      {.number = number_, .log_offset = options_.log_offset});
    if (!writer.ok()) {
      manifest_.Abandon(number_);
      return writer.error();
    }
    writer_ = *std::move(writer);
  }
  last_ = record.position();
  return Status::Ok();
}

Status RunWriter::FinishTable() {
  const auto facts = writer_->Finish();
  if (!facts.ok()) return facts.error();  // GiveUp abandons it
  tables_.push_back(*facts);
  writer_.reset();
  return Status::Ok();
}

Status RunWriter::Finish() { return writer_ == nullptr ? Status::Ok() : FinishTable(); }

StatusOr<bool> RunWriter::VerifyNext() {
  if (verified_ == tables_.size()) return false;
  const auto table = TableReader::Open(files_, manifest_.TablePath(tables_[verified_].number),
                                       TableReader::Options());
  if (!table.ok()) return Unexpected{table.error()};
  if (Status status = (*table)->Verify(); !status.ok()) return Unexpected{std::move(status)};
  return ++verified_ < tables_.size();
}

uint64_t RunWriter::bytes() const {
  uint64_t sum = writer_ == nullptr ? 0 : writer_->estimated_bytes();
  for (const TableFacts& table : tables_) sum += table.file_bytes;
  return sum;
}

void RunWriter::Installed() { tables_.clear(); }

void RunWriter::GiveUp() {
  if (writer_ != nullptr) {
    writer_.reset();
    manifest_.Abandon(number_);
  }
  for (const TableFacts& table : tables_) manifest_.Abandon(table.number);
  tables_.clear();
}

}  // namespace terrace::storage
