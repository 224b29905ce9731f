#include "server/redaction.h"

#include "base/ascii.h"

namespace terrace::server {
namespace {

constexpr Bytes kHidden = "(redacted)";

// HELLO protover [AUTH user password] [SETNAME name]
void HideHelloPassword(std::vector<Bytes>* args) {
  for (size_t i = 2; i + 2 < args->size(); ++i) {
    if (!EqualsIgnoreCase((*args)[i], "auth")) continue;
    (*args)[i + 1] = (*args)[i + 2] = kHidden;
    i += 2;
  }
}

// CONFIG SET name value [name value ...]
void HideSecretSettings(std::vector<Bytes>* args) {
  constexpr Bytes kSecrets[] = {"requirepass", "masterauth", "masteruser", "tls-key-file-pass",
                                "tls-client-key-file-pass"};
  for (size_t i = 2; i + 1 < args->size(); i += 2) {
    for (const Bytes secret : kSecrets) {
      if (EqualsIgnoreCase((*args)[i], secret)) (*args)[i + 1] = kHidden;
    }
  }
}

}  // namespace

std::vector<Bytes> Redacted(const commands::Command& command, Args args) {
  std::vector<Bytes> shown(args.begin(), args.begin() + args.size());
  const Bytes name = command.full_name();
  if (name == "auth") {
    // Redis shows a request with too many arguments as it is.
    for (size_t i = 1; i < shown.size() && shown.size() <= 3; ++i) shown[i] = kHidden;
  } else if (name == "hello") {
    HideHelloPassword(&shown);
  } else if (name == "config|set") {
    HideSecretSettings(&shown);
  }
  return shown;
}

}  // namespace terrace::server
