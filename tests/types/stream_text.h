// All there is to a stream in words, for tests that compare two of them.
#pragma once

#include <string>

#include "types/stream.h"

namespace terrace::testing {

/// With the times at which consumers were seen and active, which no log keeps, or without.
inline std::string StreamText(const types::Stream& stream, bool with_times = true) {
  const auto id_text = [](types::StreamId id) { return types::FormatStreamId(id); };
  std::string text = std::to_string(stream.Size()) + " last " + id_text(stream.last_id()) +
                     " first " + id_text(stream.first_id()) + " deleted " +
                     id_text(stream.max_deleted_id()) + " added " +
                     std::to_string(stream.entries_added());
  for (types::Stream::Cursor at = stream.First(); at; at.Next()) {
    text.append("\n").append(id_text(at.id()));
    at.ForEachField([&](const types::Element& field, const types::Element& value) {
      char digits[kInt64CharsMax];
      text.append(" ").append(field.Text(digits));
      text.append("=").append(value.Text(digits));
    });
  }
  if (stream.groups() == nullptr) return text;
  for (const auto& [name, group] : *stream.groups()) {
    text.append("\ngroup ").append(name).append(" at ").append(id_text(group.last_id));
    text.append(" read ").append(std::to_string(group.entries_read));
    for (auto at = group.pending().First(); at; at.Next()) {
      text.append("\n  ").append(id_text(at.id())).append(" ").append(at.value().consumer->name());
      text.append(" ").append(std::to_string(at.value().delivered_ms));
      text.append(" ").append(std::to_string(at.value().deliveries));
    }
    for (const auto& [consumer_name, consumer] : group.consumers()) {
      text.append("\n  consumer ")
          .append(consumer_name)
          .append(" ")
          .append(std::to_string(consumer.pending().size()));
      if (!with_times) continue;
      text.append(" ")
          .append(std::to_string(consumer.seen_ms))
          .append(" ")
          .append(std::to_string(consumer.active_ms));
    }
  }
  return text;
}

}  // namespace terrace::testing
