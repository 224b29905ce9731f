#include "server/acceptor.h"

#include <cstring>

#include "server/log.h"

namespace terrace::server {

Status Acceptor::Listen(const config::Options& options) {
  net::Loop& loop = workers_[0]->loop();
  for (const std::string& text : options.bind) {
    if (options.port == 0) break;
    net::Listener::Tcp where;
    where.address = net::BindAddress::Parse(text);
    where.port = port_ != 0 ? port_ : static_cast<uint16_t>(options.port);
    where.backlog = static_cast<int>(options.tcp_backlog);
    auto listener = net::Listener::Listen(loop, where, *this);
    if (!listener.ok()) {
      if (where.address.CanDoWithout(listener.error().error_number())) continue;
      return listener.error();
    }
    port_ = (*listener)->port();
    listeners_.push_back(std::move(*listener));
  }
  if (!options.unixsocket.empty()) {
    net::Listener::Unix where;
    where.path = options.unixsocket;
    where.permissions = static_cast<mode_t>(options.unixsocketperm);
    where.backlog = static_cast<int>(options.tcp_backlog);
    auto listener = net::Listener::Listen(loop, where, *this);
    if (!listener.ok()) return listener.error();
    listeners_.push_back(std::move(*listener));
  }
  if (listeners_.empty()) return Status::Error("nothing to listen on: set a port or a unixsocket");
  return Status::Ok();
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
