#include "server/digest.h"

#include "base/siphash.h"
#include "server/text.h"

namespace terrace::server {
namespace {

// "type deadline? length:value"; no two different values read the same.
std::string Describe(const engine::Entry& entry) {
  engine::IntegerText text;
  std::string described(TypeName(entry.type()));
  described += entry.has_deadline() ? " expires " : " stays ";
  const Bytes value = entry.StringBytes(&text);
  described += std::to_string(value.size()) + ":";
  described += value;
  return described;
}

}  // namespace

Digest Digest::Of(Bytes text) {
  Digest digest;
  for (size_t i = 0; i < digest.words_.size(); ++i) {
    digest.words_[i] = static_cast<uint32_t>(SipHash13({0x7465727261636500 + i, 0x646967657374}, text));
  }
  return digest;
}

Digest Digest::OfValue(const engine::Entry& entry) { return Of(Describe(entry)); }

Digest Digest::OfKey(unsigned db, const engine::Entry& entry) {
  std::string text = std::to_string(db) + " " + std::to_string(entry.key().size()) + ":";
  text += entry.key();
  return Of(text + Describe(entry));
}

void Digest::Mix(const Digest& other) {
  for (size_t i = 0; i < words_.size(); ++i) words_[i] ^= other.words_[i];
}

std::string Digest::Hex() const {
  std::string hex;
  for (const uint32_t word : words_) AppendFormat(&hex, "%08x", word);
  return hex;
}

}  // namespace terrace::server
