// terrace-inspect segment: the frames of a log segment, and a copy that ends before what is damaged.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <optional>

#include "base/numbers.h"
#include "storage/segment_reader.h"
#include "tools/inspect/inspector.h"

namespace terrace::tools {
namespace {

using storage::SegmentReader;
using Outcome = SegmentReader::Outcome;

constexpr size_t kWordCharsMax = 24;
constexpr size_t kWordsMax = 4;

// "*<n>\r\n" or "$<n>\r\n" at the beginning of `text`, which it takes away.
std::optional<uint64_t> TakeCount(char sign, Bytes* text) {
  const size_t end = text->substr(0, 32).find("\r\n");
  if (text->empty() || text->front() != sign || end == Bytes::npos) return std::nullopt;
  const auto count = ParseUint64(text->substr(1, end - 1));
  if (count) text->remove_prefix(end + 2);
  return count;
}

// The first words of the body's first command: "SET key value ...". A body may begin anywhere in the stream; then its first
// bytes.
std::string FirstWords(Bytes body) {
  if (body.empty()) return "(mark)";
  Bytes text = body;
  const auto arguments = TakeCount('*', &text);
  if (!arguments || *arguments == 0) return "\"" + Shown(body, 2 * kWordCharsMax) + "\"";
  std::string words;
  for (uint64_t i = 0; i < std::min<uint64_t>(*arguments, kWordsMax); ++i) {
    const auto length = TakeCount('$', &text);
    if (!length) break;
    if (i > 0) words += " ";
    words += Shown(text.substr(0, *length), kWordCharsMax);
    text.remove_prefix(std::min<uint64_t>(text.size(), *length));
    text.remove_prefix(std::min<size_t>(text.size(), 2));
  }
  return *arguments > kWordsMax ? words + " ..." : words;
}

void PrintHeader(const std::string& path, const storage::SegmentHeader& header) {
  std::printf("%s: log segment, version %u\n", path.c_str(), unsigned{storage::kSegmentVersion});
  std::printf("  history   %s\n", Shown(header.history, storage::kHistoryIdBytes).c_str());
  std::printf("  start     %" PRIu64 "\n", header.start);
  std::printf("  previous  %s\n",
              header.previous ? std::to_string(*header.previous).c_str() : "none");
  if (header.takes_over)
    std::printf("  takes over: what the segment before has from that start on does not count\n");
  std::printf("%10s %12s %8s %12s %4s  %s\n", "byte", "offset", "length", "synced", "crc", "body");
}

void PrintFrame(const SegmentReader::Frame& frame) {
  std::printf("%10" PRIu64 " %12" PRIu64 " %7u%c %12" PRIu64 " %4s  %s\n", frame.file_offset,
              frame.header.offset, unsigned{frame.header.length}, frame.header.goes_on ? '+' : ' ',
              frame.header.synced, "ok", FirstWords(frame.body).c_str());
}

// The first `size` bytes of `path`, in a new file that is on the disk when this returns.
Status CopyStart(FileSystem& files, const std::string& path, uint64_t size,
                 const std::string& out) {
  auto source = files.Open(path);
  if (!source.ok()) return source.error();
  auto target = files.Create(out);
  if (!target.ok()) return target.error();
  std::string chunk;
  for (uint64_t done = 0; done < size; done += chunk.size()) {
    chunk.resize(std::min<uint64_t>(size - done, kMiB));
    const auto got = (*source)->ReadAt(done, chunk.data(), chunk.size());
    if (!got.ok()) return got.error();
    if (*got < chunk.size()) return Status::Error(path + " has become shorter meanwhile");
    if (Status status = (*target)->Append(chunk); !status.ok()) return status;
  }
  if (Status status = (*target)->Sync(); !status.ok()) return status;
  const size_t slash = out.rfind('/');
  return files.SyncDirectory(slash == std::string::npos ? "." : out.substr(0, slash + 1));
}

Verdict Repair(FileSystem& files, const SegmentReader& reader, const std::string& out) {
  const SegmentReader::Place& end = reader.sound_end();
  if (const Status status = CopyStart(files, reader.path(), end.file_offset, out); !status.ok())
    return Complain(status);
  const uint64_t left_out = reader.file_bytes() - std::min(reader.file_bytes(), end.file_offset);
  std::printf("wrote %s: the first %" PRIu64 " bytes, up to log offset %" PRIu64 "\n", out.c_str(),
              end.file_offset, end.offset);
  std::printf("left out: %" PRIu64 " bytes from byte %" PRIu64 " on\n", left_out, end.file_offset);
  std::printf(
      "to use it: put it in place of %s, and move away the segments that begin behind log offset "
      "%" PRIu64 ": they no longer follow\n",
      reader.path().c_str(), end.offset);
  return Verdict::kFine;
}

}  // namespace

Verdict InspectSegment(FileSystem& files, const std::vector<std::string>& args) {
  const bool repairs = args.size() == 3 && args[1] == "--repair";
  if (args.size() != 1 && !repairs) return Verdict::kNotUnderstood;
  auto opened = SegmentReader::Open(files, args[0]);
  if (!opened.ok()) {
    if (opened.error().error_number() != 0) return Complain(opened.error());
    std::printf("damaged: %s\n", opened.error().message().c_str());
    std::printf("without its header nothing in it can be checked: nothing can be saved\n");
    return Verdict::kDamaged;
  }
  SegmentReader& reader = **opened;
  PrintHeader(args[0], reader.header());
  Outcome outcome;
  uint64_t frames = 0;
  for (; (outcome = reader.Next()) == Outcome::kFrame; ++frames) PrintFrame(reader.frame());
  if (outcome == Outcome::kFailed) return Complain(reader.status());
  if (outcome != Outcome::kEnd) {
    std::printf("%10" PRIu64 " %12" PRIu64 " %8s %12s %4s  %s\n", reader.here().file_offset,
                reader.here().offset, "", "", "bad", reader.why().c_str());
  }
  std::printf("%" PRIu64 " frames, log offsets %" PRIu64 " to %" PRIu64 "\n", frames,
              reader.header().start, reader.sound_end().offset);
  if (outcome == Outcome::kTornTail) std::printf("torn tail: ");
  if (outcome == Outcome::kDamage) std::printf("damaged: ");
  std::printf("%s\n", outcome == Outcome::kEnd ? "fine" : reader.status().message().c_str());
  if (repairs) return Repair(files, reader, args[2]);
  return outcome == Outcome::kDamage ? Verdict::kDamaged : Verdict::kFine;
}

}  // namespace terrace::tools
