#include "server/config/assignment.h"

#include "server/config/setting_table.h"
#include "server/config/setting_value.h"

namespace terrace::config {
namespace {

std::string ShownWords(const Assignment& assignment) {
  if (assignment.setting->Has(kSensitive)) return "not valid";
  std::string text;
  for (const std::string& word : assignment.words) text += (text.empty() ? "" : " ") + word;
  return "\"" + text + "\"";
}

/// All words a source gave to a setting with a line per item.
void AddWords(const Assignment& assignment, Words& words) {
  bool clears = assignment.words.size() == 1 && assignment.words.front().empty();
  if (clears) return words.clear();
  if (!assignment.setting->Has(kFileOnly)) {
    words.insert(words.end(), assignment.words.begin(), assignment.words.end());
    return;
  }
  std::string item;
  for (const std::string& word : assignment.words) {
    item += (item.empty() ? "" : " ") + (word.empty() ? std::string("\"\"") : word);
  }
  words.push_back(item);
}

Words SplitSingle(const Assignment& assignment) {
  Words words;
  std::string rest = assignment.words.size() == 1 ? assignment.words.front() : "";
  if (rest.empty() || assignment.setting->Has(kFileOnly)) return assignment.words;
  for (size_t begin = 0; begin <= rest.size();) {
    size_t end = std::min(rest.find(' ', begin), rest.size());
    words.push_back(rest.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace

std::string_view OriginName(Origin origin) {
  constexpr std::string_view kNames[] = {"default", "file", "environment", "flag", "runtime"};
  return kNames[static_cast<size_t>(origin)];
}

Status OnUnknownName(UnknownNames policy, const std::string& place, Bytes name,
                     const std::string& hint, Reading& reading) {
  constexpr size_t kShownBytesMax = 100;
  std::string message = place + ": there is no setting \"" +
                        std::string(name.substr(0, kShownBytesMax)) + "\"" + hint;
  if (policy == UnknownNames::kRefuse) return Status::Error(message);
  reading.warnings.push_back(message + " (ignored)");
  return Status::Ok();
}

std::string Complaint(const Assignment& assignment, const std::string& allowed) {
  return assignment.place + ": " + assignment.label + " is " + ShownWords(assignment) +
         ", but it must be " + allowed;
}

Status ApplyAssignments(std::span<const Assignment> assignments, Origin origin, Options& options,
                        Provenances& provenances) {
  std::map<const Setting*, Words> gathered;
  for (const Assignment& assignment : assignments) {
    const Setting& setting = *assignment.setting;
    Words words = assignment.words;
    if (HasLinePerItem(setting)) {
      Assignment line = assignment;
      line.words = SplitSingle(assignment);
      Options alone;
      if (Status status = ParseValue(setting, line.words, alone); !status.ok()) {
        return Status::Error(Complaint(assignment, Allowed(setting)));
      }
      AddWords(line, gathered[&setting]);
      words = gathered[&setting];
    }
    if (Status status = ParseValue(setting, words, options); !status.ok()) {
      const auto* text = std::get_if<StringField>(&setting.field);
      bool wordy = text != nullptr && text->normalize != nullptr && words.size() == 1;
      return Status::Error(wordy ? assignment.place + ": " + assignment.label + " is " +
                                       ShownWords(assignment) + ": " + status.message()
                                 : Complaint(assignment, Allowed(setting)));
    }
    provenances[&setting] = {origin, assignment.place};
  }
  return Status::Ok();
}

Status CheckStates(const Options& options, const Provenances& provenances,
                   std::vector<std::string>& warnings) {
  for (const Setting& setting : AllSettings()) {
    if (setting.state == State::kEffective || setting.Has(kHidden) || IsDefault(setting, options))
      continue;
    auto found = provenances.find(&setting);
    std::string place = found == provenances.end() ? "" : found->second.place + ": ";
    std::string name(setting.name);
    if (setting.state == State::kRefused) {
      return Status::Error(place + name + " cannot be used: " + std::string(setting.reason));
    }
    warnings.push_back(place + name + " has no effect: " + std::string(setting.reason));
  }
  return Status::Ok();
}

}  // namespace terrace::config
