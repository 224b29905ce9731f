#include "storage/table_writer.h"

#include <utility>

#include "base/check.h"

namespace terrace::storage {
namespace {

constexpr size_t kBufferBytes = 256 * kKiB;

}  // namespace

StatusOr<std::unique_ptr<TableWriter>> TableWriter::Create(FileSystem& files, std::string path,
                                                           const Options& options) {
  auto file = files.Create(path);
  if (!file.ok()) return Unexpected{file.error()};
  return std::unique_ptr<TableWriter>(
      new TableWriter(files, std::move(path), *std::move(file), options));
}

TableWriter::TableWriter(FileSystem& files, std::string path, std::unique_ptr<WritableFile> file,
                         const Options& options)
    : files_(files),
      path_(std::move(path)),
      options_(options),
      file_(std::move(file)),
      bloom_(options.filter_bits_per_key) {
  facts_.number = options.number;
  facts_.log_offset = options.log_offset;
  Write(kTableHeadMagic);
}

void TableWriter::RefuseLonger(const char* what, uint64_t bytes, uint64_t bytes_max) {
  if (bytes <= bytes_max || !status_.ok()) return;
  status_ = Status::Error(path_ + ": a " + what + " of " + std::to_string(bytes) +
                          " bytes; a table takes up to " + std::to_string(bytes_max));
}

Status TableWriter::Add(const KeyRecord& record, Bytes value) {
  if (value.size() > kLongBlockBytes) {
    if (Status status = BeginValue(record); !status.ok()) return status;
    if (Status status = AppendValue(value); !status.ok()) return status;
    return EndValue(record.size);
  }
  if (Status status = BeginRecord(record); !status.ok()) return status;
  PutRecord(record, value);
  return status_;
}

Status TableWriter::BeginRecord(const KeyRecord& record) {
  if (!status_.ok()) return status_;
  TERRACE_CHECK(file_ != nullptr && !open_);
  // A table that lacks a record must not be finished, so this ends it, too.
  RefuseLonger("key", record.key.size(), kKeyBytesMax);
  if (!status_.ok()) return status_;
  if (facts_.records > 0) {
    KeyRecord last{.space = facts_.largest.space, .hash = facts_.largest.hash};
    last.key = last_key_;
    last.sub = last_sub_;
    TERRACE_CHECK(CompareOrder(last, record) < 0);  // T1
  } else {
    facts_.smallest = record.position();
  }
  if (!keys_.empty() && (keys_.first().space != record.space || keys_.bytes() >= kKeyBlockBytes))
    CloseKeyBlock();
  places_.AddRecord(record.hash);
  return status_;
}

void TableWriter::PutRecord(const KeyRecord& record, Bytes value) {
  if (record.is_tombstone()) {
    TERRACE_CHECK(value.empty());
    keys_.AddTombstone(record);
    ++facts_.tombstones;
  } else if (value.size() <= kInlineValueBytesMax) {
    keys_.AddInline(record, value);
  } else {
    keys_.Add(record, PlaceValue(record, value));
  }
  EndRecord(record, value.size());
}

void TableWriter::EndRecord(const KeyRecord& record, uint64_t value_bytes) {
  bloom_.Add(record.position());
  ++facts_.records;
  facts_.key_bytes += record.key.size();
  facts_.value_bytes += value_bytes;
  facts_.largest = record.position();
  last_key_ = record.key;
  last_sub_ = record.sub;
}

Status TableWriter::BeginValue(const KeyRecord& record) {
  TERRACE_CHECK(!record.is_tombstone());
  if (Status status = BeginRecord(record); !status.ok()) return status;
  open_.emplace();
  open_->record = record;
  open_->key = record.key;
  open_->record.key = open_->key;
  return status_;
}

Status TableWriter::AppendValue(Bytes piece) {
  if (!status_.ok()) return status_;
  TERRACE_CHECK(open_.has_value());
  open_->length += piece.size();
  RefuseLonger("value", open_->length, kValueBytesMax);
  while (!piece.empty() && status_.ok()) {
    // Only now that there is more: the last block has at least a byte.
    if (open_->tail.size() == kLongBlockBytes) WriteLongBlock();
    const Bytes some = piece.substr(0, kLongBlockBytes - open_->tail.size());
    open_->tail.append(some);
    piece.remove_prefix(some.size());
  }
  return status_;
}

void TableWriter::WriteLongBlock() {
  CloseValueBlock();
  if (open_->block == 0) open_->block = offset_;
  WriteBlock(BlockKind::kValues, open_->tail);
  open_->tail.clear();
}

Status TableWriter::EndValue(std::optional<uint64_t> size) {
  if (!status_.ok()) return status_;
  TERRACE_CHECK(open_.has_value());
  open_->record.size = size.value_or(open_->length);
  if (open_->block == 0) {
    PutRecord(open_->record, open_->tail);
  } else {
    WriteLongBlock();
    keys_.Add(open_->record, {open_->block, 0, open_->length});
    EndRecord(open_->record, open_->length);
  }
  open_.reset();
  return status_;
}

ValueHandle TableWriter::PlaceValue(const KeyRecord& record, Bytes value) {
  if (values_.size() + value.size() + directory_.bytes_with_next() > kValueBlockBytes)
    CloseValueBlock();
  const ValueHandle handle{offset_, static_cast<uint32_t>(values_.size()), value.size()};
  if (values_.empty()) places_.BeginBlock(offset_);
  directory_.Add(record.hash, record.kind, values_.size());
  values_.append(value);
  if (values_.size() > kValueBlockBytes) CloseValueBlock();
  return handle;
}

void TableWriter::CloseValueBlock() {
  if (values_.empty()) return;
  // Moved away first: WriteBlock moves offset_, at which the next block begins.
  std::string body = std::exchange(values_, std::string());
  directory_.AppendTo(&body);
  WriteBlock(BlockKind::kValues, body);
  places_.EndBlock(body.size());
}

void TableWriter::CloseKeyBlock() {
  if (keys_.empty()) return;
  CloseValueBlock();  // P1
  places_.EndKeyBlock();
  ClosedKeyBlock block;
  block.entry.first = keys_.first();
  block.entry.records = keys_.records();
  block.entry.filter_lines = bloom_.AppendLines(&filter_);
  block.body = keys_.Finish();
  block.entry.length = static_cast<uint32_t>(block.body.size());
  stretch_bytes_ += block.body.size();
  stretch_.push_back(std::move(block));
  if (stretch_bytes_ >= kKeyStretchBytes) CloseStretch();
}

void TableWriter::CloseStretch() {
  CloseValueBlock();
  while (!stretch_.empty()) {
    ClosedKeyBlock block = std::move(stretch_.front());
    stretch_.pop_front();
    block.entry.offset = WriteBlock(BlockKind::kKeys, block.body).offset;
    AppendIndexEntry(block.entry, &index_);
  }
  stretch_bytes_ = 0;
}

uint64_t TableWriter::estimated_bytes() const {
  return offset_ + values_.size() + (open_ ? open_->tail.size() : 0) + stretch_bytes_ +
         keys_.bytes() + filter_.size() + places_.body().size() + index_.size() +
         TableFooter::kBytes;
}

StatusOr<TableFacts> TableWriter::Finish() {
  if (!status_.ok()) return Unexpected{status_};
  TERRACE_CHECK(file_ != nullptr && !open_);
  CloseKeyBlock();
  CloseStretch();
  TableFooter footer;
  if (!filter_.empty()) footer.filter = WriteBlock(BlockKind::kFilter, filter_);
  // A body of 4 GiB speaks of a table of terabytes.
  if (!places_.body().empty() && places_.body().size() <= UINT32_MAX)
    footer.places = WriteBlock(BlockKind::kPlaces, places_.body());
  footer.index = WriteBlock(BlockKind::kIndex, index_);
  footer.facts = facts_;
  footer.filter_bits = static_cast<uint16_t>(options_.filter_bits_per_key);
  footer.filter_probes = static_cast<uint16_t>(bloom_.probes());
  Write(EncodeTableFooter(footer));
  Flush();
  if (status_.ok()) Sync();
  if (!status_.ok()) return Unexpected{status_};
  file_.reset();
  facts_.file_bytes = offset_;
  return facts_;
}

Status TableWriter::Discard() {
  file_.reset();
  return files_.Remove(path_);
}

BlockExtent TableWriter::WriteBlock(BlockKind kind, Bytes body) {
  const BlockExtent extent{offset_, body.size()};
  Write(EncodeBlockHeader(kind, body, extent.offset));
  Write(body);
  return extent;
}

void TableWriter::Write(Bytes bytes) {
  offset_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBufferBytes) Flush();
  if (bytes.size() > kBufferBytes) {
    if (status_.ok()) status_ = file_->Append(bytes);
  } else {
    buffer_.append(bytes);
  }
}

void TableWriter::Flush() {
  if (status_.ok() && !buffer_.empty()) status_ = file_->Append(buffer_);
  buffer_.clear();
  if (status_.ok() && file_->Size() - synced_ >= options_.sync_bytes) Sync();
}

void TableWriter::Sync() {
  status_ = file_->Sync();
  synced_ = file_->Size();
}

}  // namespace terrace::storage
