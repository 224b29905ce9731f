#include "load/request_template.h"

namespace terrace::load {
namespace {

constexpr size_t kDigits = 12;

}  // namespace

void WriteDigits(uint64_t number, char* out) {
  for (size_t i = kDigits; i-- > 0; number /= 10) out[i] = static_cast<char>('0' + number % 10);
}

std::string MakeValue(size_t bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Random letters(7);
  std::string value(bytes, ' ');
  for (char& c : value) c = kAlphabet[letters.Below(64)];
  return value;
}

RequestTemplate::RequestTemplate(Bytes line, size_t value_bytes) {
  const std::string value = MakeValue(value_bytes);
  size_t words = 0;
  while (!line.empty()) {
    const Bytes word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size() == line.size() ? word.size() : word.size() + 1);
    std::string text;
    std::vector<Place> places;
    for (size_t i = 0; i < word.size(); ++i) {
      const Bytes mark = word.substr(i, 3);
      if (mark == "{r}" || mark == "{s}") {
        places.push_back({text.size(), mark == "{r}"});
        text.append(kDigits, '0');
      } else if (mark == "{v}") {
        text += value;
      } else {
        text += word[i];
        continue;
      }
      i += 2;
    }
    request_ += "$" + std::to_string(text.size()) + "\r\n";
    for (const Place& place : places)
      places_.push_back({request_.size() + place.offset, place.random});
    request_ += text + "\r\n";
    ++words;
  }
  const std::string head = "*" + std::to_string(words) + "\r\n";
  for (Place& place : places_) place.offset += head.size();
  request_.insert(0, head);
}

std::string RequestTemplate::Render(size_t count) const {
  std::string batch;
  batch.reserve(count * request_.size());
  for (size_t i = 0; i < count; ++i) batch += request_;
  return batch;
}

void RequestTemplate::Fill(std::string& batch, size_t count, NumberSource& numbers) const {
  for (size_t i = 0; i < count; ++i) {
    char* request = batch.data() + i * request_.size();
    for (const Place& place : places_) {
      WriteDigits(place.random ? numbers.Random() : numbers.Next(), request + place.offset);
    }
  }
}

}  // namespace terrace::load
