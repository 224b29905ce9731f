// Log segments: the order in which everything happened.
//
// Why: memory is the database; this file is how it survives us. A reply to a write may leave only when its bytes are as
// durable as the configuration promises (engine/commit_log.h).
//
// A segment is a header and then frames, back to back, little-endian:
//
//   header   0  magic     8  "TRCLOG\0\1"; the last byte is the version
//            8  history  40  replication id
//           48  start     8  log offset of the first frame's first byte
//           56  previous  8  `start` of the segment before; all ones: there was none
//           64  salt      8  any number that nobody can guess
//           72  flags     4  1: takes over (L4)
//           76  crc       4  crc32c of bytes 0..75
//
//   frame    0  crc       4  crc32c of the header's bytes 0..75 and then of the rest of the frame
//            4  length    4  bytes of body, at most 256 KiB; the top bit: the next frame goes on with what this one began
//            8  offset    8  log offset of the body's first byte
//           16  synced    8  every byte of the log before this offset was on the disk when the frame was written
//           24  body      .  the replication stream, unchanged
//
// The bytes that one Append was given are a *batch*: one frame, or several of which all but the last say that they go on.
// A frame without a body is a mark: it only says what is synced. A file is named for its start (file_names.h).
//
// Behind the last frame there may be zeros, up to the file's end, for the next frames to be written onto
// (SegmentWriter::ZeroAhead): a reader takes their begin for the file's end. No frame begins so: log offsets begin at 1.
//
// Invariants
//   L1  frame.offset + frame.length is the next frame's offset, across segments. The first frame has the header's start.
//   L2  A frame is valid iff its length is allowed and fits the file, its crc matches, L1 holds and synced <= offset.
//   L3  Reading stops at the first frame that is not valid, or at the file's end: at log offset P. If anything says that a
//       byte at or behind P was synced, P is damage, and opening fails rather than forgets. Otherwise what is there from P
//       on is a torn tail and is cut off. What can say so: a later frame of the same file, the start of a later segment
//       (L5), the manifest.
//   L4  After a failed write or sync nothing more is appended to this segment: what is not yet durable goes to a new one,
//       from the ring. That one starts where the failed one was synced and takes over: what the failed one has from there
//       on does not count. Any other overlap is an error. A restart does the same with what it reads but nothing says was
//       synced: the process before may have died of a failed sync.
//   L5  A segment is created when every byte before its start is on the disk. It gets its name when its header, and what
//       it begins with, are on the disk; it is appended to when its name is. So only the last segment has a torn tail, and
//       a file that is no longer than a header and has no good one was never in use.
//   L6  The log ends where a batch ends: frames that go on without an end are part of the torn tail.
//   L7  Segments are removed the lowest first, each removal on the disk before the next: what is left has no gap.
//
// Why `synced`: a kernel writes pages in any order. After a power cut a good frame may stand behind a hole, both of them
// never promised to anybody; and after bad luck with the disk a good frame stands behind one that was promised. The bytes
// look alike. The mark tells the two apart, but for the very last batch, behind which nothing was written yet; that is what
// marks without a body are for.
//
// Why the salt: a client may store anything, also the image of a segment; and a new file may show blocks of an old one. By
// the salt in front of every checksum neither can pass for a frame of this file.
//
// Threads: the log writer alone writes, while workers only append to the ring. Readers have files of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/history_id.h"

namespace terrace::storage {

constexpr size_t kSegmentHeaderBytes = 80;
constexpr size_t kFrameHeaderBytes = 24;
// What a reader must hold in memory at once, whatever a file says.
constexpr size_t kFrameBodyBytesMax = 256 * kKiB;
constexpr uint8_t kSegmentVersion = 1;

struct SegmentHeader {
  std::string history;  // kHistoryIdBytes
  uint64_t start = 0;
  std::optional<uint64_t> previous;
  uint64_t salt = 0;
  bool takes_over = false;

  std::string Encode() const;
  /// The checksum of the encoded header: every frame's begins with it.
  uint32_t Crc() const;
  /// An error says what is wrong with the bytes, but not whose they are.
  static StatusOr<SegmentHeader> Decode(Bytes bytes);
};

struct FrameHeader {
  uint32_t length = 0;
  bool goes_on = false;
  uint64_t offset = 0;
  uint64_t synced = 0;

  uint64_t end() const { return offset + length; }

  /// Appends the frame, `body` included, to `out`. CONTRACT: body.size() == length, at most kFrameBodyBytesMax.
  void Encode(uint32_t header_crc, Bytes body, std::string* out) const;
  /// As the bytes have it, nothing checked. CONTRACT: kFrameHeaderBytes of them.
  static FrameHeader Decode(Bytes bytes);
};

/// Whether `frame`, header and body, has the checksum that it carries.
bool FrameCrcMatches(uint32_t header_crc, Bytes frame);

}  // namespace terrace::storage
