// terrace-inspect rdb: the keys of a dump.
#include <cinttypes>
#include <cstdio>
#include <map>
#include <string>

#include "rdb/file_reader.h"
#include "tools/inspect/inspector.h"

namespace terrace::tools {
namespace {

constexpr size_t kKeyCharsMax = 64;

class Printer : public rdb::FileTaker {
 public:
  Status TakeDatabase(uint64_t db) override {
    db_ = db;
    return Status::Ok();
  }
  Status TakeKey(Bytes key, const rdb::KeyFacts& facts, const rdb::PayloadBody& body) override {
    const auto type = rdb::TypeOf(body.code);
    const std::string name(type ? TypeName(*type) : Bytes("?"));
    ++keys_[name];
    std::printf("%4" PRIu64 " %-8s %12zu %16s  %s\n", db_, name.c_str(), body.value.size(),
                facts.deadline_ms == 0 ? "-" : std::to_string(facts.deadline_ms).c_str(),
                Shown(key, kKeyCharsMax).c_str());
    return Status::Ok();
  }
  Status TakeFunctions(Bytes source) override {
    ++keys_["function library"];
    std::printf("   - functions %11zu %16s  %s\n", source.size(), "-",
                Shown(source.substr(0, source.find('\n')), kKeyCharsMax).c_str());
    return Status::Ok();
  }
  Status TakeModuleData(Bytes module) override {
    std::printf("   - data of the module %s\n", std::string(module).c_str());
    return Status::Ok();
  }
  const std::map<std::string, uint64_t>& keys() const { return keys_; }

 private:
  uint64_t db_ = 0;
  std::map<std::string, uint64_t> keys_;
};

}  // namespace

Verdict InspectRdb(FileSystem& files, const std::vector<std::string>& args) {
  if (args.size() != 1) return Verdict::kNotUnderstood;
  const auto bytes = ReadWhole(files, args[0]);
  if (!bytes.ok()) return Complain(bytes.error());
  std::printf("%s: RDB file, %zu bytes, begins with %s\n", args[0].c_str(), bytes->size(),
              Shown(Bytes(*bytes).substr(0, 9), 9).c_str());
  std::printf("%4s %-8s %12s %16s  %s\n", "db", "type", "bytes", "deadline, ms", "key");
  Printer printer;
  size_t length = 0;
  const Status status = rdb::ReadFile(*bytes, printer, &length);
  for (const auto& [name, count] : printer.keys())
    std::printf("%s: %" PRIu64 "\n", name.c_str(), count);
  // An append only file may begin with an RDB file.
  if (status.ok() && length < bytes->size()) {
    std::printf("ends at offset %zu; %zu bytes behind that are not looked at\n", length,
                bytes->size() - length);
  }
  std::printf("%s\n", status.ok() ? "fine" : ("damaged: " + status.message()).c_str());
  return status.ok() ? Verdict::kFine : Verdict::kDamaged;
}

}  // namespace terrace::tools
