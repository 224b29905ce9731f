// ListCapture: a long list as it was at one moment, to be read at leisure while it goes on changing.
//
// It notes where the bytes of every node are, and the nodes that they are its, too (Quicklist::Node::captured). They stay
// as they are: the list copies the bytes of such a node before it changes them, and what it does not need any more it
// leaves here (Leave). So beginning costs sixteen bytes a node, and an edit what the node takes that it changes.
//
// Threads: beginning, Part and Detach under the lock of the key's shard, and so is what the list does. Nodes and NodeBytes
// by one thread, with no lock; the destructor after Detach.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "types/capture_bytes.h"
#include "types/quicklist.h"

namespace terrace::types {

class ListCapture {
 public:
  /// Begins. CONTRACT: it is not under capture. `bytes` counts what is left here.
  ListCapture(Quicklist list, CaptureBytes* bytes);
  ~ListCapture();
  ListCapture(const ListCapture&) = delete;
  ListCapture& operator=(const ListCapture&) = delete;

  // --- as it was ---
  size_t Nodes() const { return nodes_.size(); }
  bool IsPlain(size_t node) const { return nodes_[node].form == Quicklist::Form::kPlain; }
  /// Bytes that had to be unpacked are in `unpacked`. CONTRACT: not detached, unless by Part or by the list itself.
  Bytes NodeBytes(size_t node, std::string* unpacked) const {
    return Quicklist::BytesOf(nodes_[node], unpacked);
  }

  /// About what all of it would take, unpacked.
  size_t raw_bytes() const;

  /// The list is on its own again, and what both had is the list's: nothing can be read here any more.
  void Detach();
  /// The same, but everything can be read: the list has copied what both had.
  void Part();
  bool detached() const { return !list_; }

  // --- for the list ---
  /// A node's data, which the list will not look at again.
  void Leave(const Quicklist::Node& node);
  /// It is about to be freed, and has left all that both had.
  void LoseSource() { list_ = false; }

 private:
  void Count(uint64_t bytes);

  CaptureBytes* const bytes_;
  Quicklist quicklist_;
  bool list_ = true;  // it is there
  std::vector<Quicklist::Node> nodes_;
  std::vector<Quicklist::Node> left_;  // are to be freed here
  uint64_t counted_ = 0;
};

}  // namespace terrace::types
