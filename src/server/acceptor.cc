#include "server/acceptor.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "server/log.h"

namespace terrace::server {
namespace {

using net::ListeningSocket;
using Sockets = std::vector<std::shared_ptr<ListeningSocket>>;

// Sockets at every address the options name. Those among `at_hand` that listen there already are taken as they are, the
// others are opened. The error is of the first that could not be.
StatusOr<Sockets> OpenAll(const config::Options& options, Sockets at_hand) {
  Sockets sockets;
  for (const std::string& text : options.bind) {
    if (options.port == 0) break;
    const ListeningSocket::Tcp where{.address = net::BindAddress::Parse(text),
                                     .port = static_cast<uint16_t>(options.port),
                                     .backlog = static_cast<int>(options.tcp_backlog)};
    const auto address = net::Resolve(where.address, where.port);
    const auto found = std::find_if(at_hand.begin(), at_hand.end(), [&](const auto& socket) {
      return address.ok() && socket->name() == address->ToString();
    });
    if (found != at_hand.end()) {
      sockets.push_back(std::move(*found));
      at_hand.erase(found);
      continue;
    }
    auto socket = ListeningSocket::Open(where);
    if (socket.ok()) {
      sockets.push_back(std::move(*socket));
    } else if (!where.address.CanDoWithout(socket.error().error_number())) {
      return Unexpected{socket.error()};
    }
  }
  return sockets;
}

// Those of `sockets` that are not among `others`.
Sockets Without(const Sockets& sockets, const Sockets& others) {
  Sockets rest;
  for (const auto& socket : sockets) {
    if (std::find(others.begin(), others.end(), socket) == others.end()) rest.push_back(socket);
  }
  return rest;
}

}  // namespace

Status Acceptor::Listen(const config::Options& options) {
  changed_ = std::make_unique<net::Doorbell>(workers_[0]->loop(),
                                             net::Bind<&Acceptor::UpdateListeners>(this));
  MutexLock lock(mutex_);
  if (Status status = FollowLocked(options); !status.ok()) return status;
  if (!options.unixsocket.empty()) {
    const ListeningSocket::Unix where{.path = options.unixsocket,
                                      .permissions = static_cast<mode_t>(options.unixsocketperm),
                                      .backlog = static_cast<int>(options.tcp_backlog)};
    auto socket = ListeningSocket::Open(where);
    if (!socket.ok()) return socket.error();
    unix_ = std::move(*socket);
  }
  if (tcp_.empty() && unix_ == nullptr)
    return Status::Error("nothing to listen on: set a port or a unixsocket");
  return Status::Ok();
}

void Acceptor::Close() {
  changed_.reset();
  listeners_.clear();
  MutexLock lock(mutex_);
  tcp_.clear();
  unix_.reset();
}

Status Acceptor::Follow(const config::Options& options) {
  MutexLock lock(mutex_);
  Status status = FollowLocked(options);
  if (!status.ok()) Log(config::LogLevel::kWarning, "%s", status.message().c_str());
  return status;
}

Status Acceptor::FollowLocked(const config::Options& options) {
  const Sockets before = tcp_;
  auto after = OpenAll(options, before);
  Status failure;
  if (!after.ok() && after.error().error_number() == EADDRINUSE && !before.empty() &&
      before.front()->port() == options.port) {
    // It may be ourselves who stand in the way: "*" and an address of this machine cannot be had side by side. So the
    // old ones make room, and come back if that was not it.
    for (const auto& socket : before) socket->StopListening();
    after = OpenAll(options, {});
    if (!after.ok()) {
      failure = after.error();
      Sockets restored;
      for (const auto& socket : before) {
        auto again =
            ListeningSocket::Open(socket->address(), static_cast<int>(options.tcp_backlog));
        if (again.ok()) {
          restored.push_back(std::move(*again));
        } else {
          Log(config::LogLevel::kWarning, "lost %s: %s", socket->name().c_str(),
              again.error().message().c_str());
        }
      }
      after = std::move(restored);
    }
  }
  if (!after.ok()) return after.error();
  for (const auto& socket : Without(before, *after)) socket->StopListening();
  tcp_ = std::move(*after);
  changed_->Ring();
  return failure;
}

// Worker 0's listeners follow the sockets there are.
void Acceptor::UpdateListeners() {
  Sockets wanted;
  {
    MutexLock lock(mutex_);
    wanted = tcp_;
    if (unix_ != nullptr) wanted.push_back(unix_);
  }
  std::erase_if(listeners_, [&](const auto& listener) {
    return std::none_of(wanted.begin(), wanted.end(),
                        [&](const auto& socket) { return socket.get() == &listener->socket(); });
  });
  for (const auto& socket : wanted) {
    const bool is_new =
        std::none_of(listeners_.begin(), listeners_.end(),
                     [&](const auto& listener) { return &listener->socket() == socket.get(); });
    if (is_new)
      listeners_.push_back(std::make_unique<net::Listener>(workers_[0]->loop(), socket, *this));
  }
}

void Acceptor::OnAccept(int fd) noexcept {
  Worker* best = workers_[0].get();
  for (auto& worker : workers_) {
    if (worker->connections_alive() < best->connections_alive()) best = worker.get();
  }
  best->ExpectConnection();
  if (best == workers_[0].get()) {
    best->EnsureIn();
    best->Adopt(fd);
  } else {
    workers_[0]->Send(*best, {Mail::Kind::kAdopt, fd, {}});
  }
}

void Acceptor::OnAcceptFailed(int error_number) noexcept {
  Log(config::LogLevel::kWarning, "cannot accept connections: %s", std::strerror(error_number));
}

}  // namespace terrace::server
