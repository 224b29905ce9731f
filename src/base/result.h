// Result<T, E>: a value or the reason there is none. Ours because neither compiler has std::expected in C++20.
#pragma once

#include <utility>
#include <variant>

#include "base/check.h"

namespace terrace {

/// Wraps an error so that Result<T, E> can be built from one even where T and E convert into each other.
template <typename E>
struct Unexpected {
  E error;
};
template <typename E>
Unexpected(E) -> Unexpected<E>;

template <typename T, typename E>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  template <typename F>
  Result(Unexpected<F> error)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(error.error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() & { return Value(); }
  const T& operator*() const& { return Value(); }
  T&& operator*() && { return std::move(Value()); }
  T* operator->() { return &Value(); }
  const T* operator->() const { return &Value(); }

  const E& error() const {
    TERRACE_DCHECK(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  T& Value() {
    TERRACE_DCHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& Value() const {
    TERRACE_DCHECK(ok());
    return *std::get_if<0>(&state_);
  }

  std::variant<T, E> state_;
};

}  // namespace terrace
