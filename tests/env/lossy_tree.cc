#include "env/lossy_tree.h"

#include <algorithm>

#include "base/check.h"

namespace terrace::testing {

void LossyNode::SyncFailed() {
  if (synced < end) doubtful.emplace_back(synced, end);
}

void LossyNode::TruncateAndSync(size_t size) {
  TERRACE_CHECK(size <= bytes.size());
  bytes.resize(size);
  end = synced = synced_size = size;
  last_append = std::min(last_append, size);
  for (auto& range : doubtful) range.second = std::min(range.second, size);
  std::erase_if(doubtful, [](const auto& range) { return range.first >= range.second; });
}

void LossyNode::Enter(const std::string& name, LossyNodePtr node, const std::string& old) {
  pending.push_back({name, std::move(node), old, nullptr});
  Apply(pending.back(), &entries);
}

void LossyNode::Leave(const std::string& name) {
  pending.push_back({name, nullptr, "", entries.at(name)});
  Apply(pending.back(), &entries);
}

void LossyNode::DirectorySynced() {
  synced_entries = entries;
  pending.clear();
}

void LossyNode::Apply(const Change& change, std::map<std::string, LossyNodePtr>* to) {
  if (change.node == nullptr) {
    const auto found = to->find(change.name);
    // Without the changes between, the name may be another's.
    if (found != to->end() && found->second == change.left) to->erase(found);
    return;
  }
  if (!change.old.empty()) {
    const auto found = to->find(change.old);
    if (found != to->end() && found->second == change.node) to->erase(found);
  }
  (*to)[change.name] = change.node;
}

class PowerCut {
 public:
  PowerCut(size_t page_bytes, Random& random) : page_bytes_(page_bytes), random_(random) {}

  LossyNodePtr Find(const LossyNode& node) {
    LossyNodePtr& found = found_[&node];
    if (found != nullptr) return found;  // under its other name
    found = std::make_shared<LossyNode>(node.is_directory);
    const LossyNodePtr copy = found;
    if (node.is_directory) {
      for (const auto& [name, child] : EntriesOf(node)) {
        copy->entries[name] = Find(*child);
        ++copy->entries[name]->names;
      }
      copy->DirectorySynced();
    } else {
      copy->bytes = BytesOf(node);
      copy->end = copy->bytes.size();
      copy->Synced();
    }
    return copy;
  }

 private:
  bool Coin() { return random_.Below(2) == 0; }

  std::map<std::string, LossyNodePtr> EntriesOf(const LossyNode& node) {
    std::map<std::string, LossyNodePtr> entries = node.synced_entries;
    // None of what waits, all of it, up to one of them as a journal does it, or any.
    const uint64_t way = random_.Below(4);
    const size_t count = node.pending.size();
    const size_t upto = way == 0 ? 0 : way == 1 ? count : random_.Below(count + 1);
    for (size_t i = 0; i < count; ++i) {
      if (way == 3 ? Coin() : i < upto) LossyNode::Apply(node.pending[i], &entries);
    }
    return entries;
  }

  std::string BytesOf(const LossyNode& node) {
    std::string bytes = node.bytes.substr(0, node.end);
    const size_t loose = bytes.size() - node.synced;
    switch (random_.Below(6)) {
      case 0:  // nothing of it arrived
        bytes.resize(node.synced);
        break;
      case 1:  // all of it
        break;
      case 2:  // up to somewhere
        bytes.resize(node.synced + random_.Below(loose + 1));
        break;
      case 3: {  // the last write is torn
        const size_t from = std::max(node.synced, std::min(node.last_append, bytes.size()));
        bytes.resize(from + random_.Below(bytes.size() - from + 1));
        break;
      }
      case 4:  // some pages of it, the others are zero
        if (Coin()) bytes.resize(node.synced + random_.Below(loose + 1));
        Forget(node.synced, bytes.size(), false, &bytes);
        break;
      default:  // the end of it, and zero before
        Forget(node.synced, bytes.size(), true, &bytes);
    }
    for (const auto& [begin, end] : node.doubtful) {
      Forget(begin, std::min(end, bytes.size()), false, &bytes);
    }
    // Zeros ahead that were synced are there in any case, of the others some.
    const size_t least = std::max(bytes.size(), node.synced_size);
    const size_t most = node.bytes.size() == node.end ? least : node.bytes.size();
    bytes.resize(least + random_.Below(most - least + 1));
    return bytes;
  }

  // Pages of [begin, end) become zero: all but the last one, or any.
  void Forget(size_t begin, size_t end, bool but_last, std::string* bytes) {
    while (begin < end) {
      const size_t next = std::min((begin / page_bytes_ + 1) * page_bytes_, end);
      if (but_last ? next < end : Coin()) {
        std::fill(bytes->begin() + static_cast<long>(begin),
                  bytes->begin() + static_cast<long>(next), '\0');
      }
      begin = next;
    }
  }

  const size_t page_bytes_;
  Random& random_;
  std::map<const LossyNode*, LossyNodePtr> found_;
};

LossyNodePtr AfterPowerCut(const LossyNode& root, size_t page_bytes, Random& random) {
  return PowerCut(page_bytes, random).Find(root);
}

}  // namespace terrace::testing
