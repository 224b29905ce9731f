// What workers send each other, and what others ask of a worker.
#include <unistd.h>

#include "base/memory.h"
#include "server/worker.h"

namespace terrace::server {

void Worker::Send(Worker& to, Mail mail) {
  if (&to == this) {
    // Through the mailbox, too: what others posted before must not be overtaken.
    mailbox_.PostToSelf(std::move(mail));
    own_mail_ = true;
    return;
  }
  if (outboxes_.size() <= to.index_) outboxes_.resize(parts_.workers.size());
  auto& outbox = outboxes_[to.index_];
  if (outbox == nullptr)
    outbox = std::make_unique<net::Outbox<Mail>>(to.mailbox_, doorbell_, kSpillItems);
  // What Post refuses it leaves alone.
  if (TERRACE_UNLIKELY(!outbox->Post(std::move(mail))))
    RefuseMail(to, mail);  // NOLINT(bugprone-use-after-move)
  backlogged_ |= outbox->backlogged();
}

// The other worker is hopelessly behind. We may hold locks it waits for, so we cannot wait for it; its listeners are
// treated as any that do not keep up: they are disconnected rather than given a stream with a hole in it.
void Worker::RefuseMail(Worker& to, const Mail& mail) {
  if (mail.kind != Mail::Kind::kAdopt) return to.Raise(Signal::kMessagesLost);
  ::close(mail.fd);
  parts_.stats.connections_rejected.fetch_add(1, std::memory_order_relaxed);
  to.connections_alive_.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::FlushOutboxes() {
  backlogged_ = false;
  for (auto& outbox : outboxes_) {
    if (outbox != nullptr && !outbox->Flush()) backlogged_ = true;
  }
  if (backlogged_ == holds_reading_) return;
  holds_reading_ = backlogged_;
  for (auto& connection : connections_) connection->UpdateReading();
}

void Worker::DrainMailbox() {
  if (TERRACE_UNLIKELY(signals_.load(std::memory_order_relaxed) != 0)) HandleSignals();
  own_mail_ = false;
  // No kind of mail runs commands, so nothing is posted while we walk.
  TakeEndedWaits();
  while (mailbox_.DrainInto(mail_)) {
    // Before what was posted behind them: a push about what a waiter's command did must not overtake its reply.
    TakeEndedWaits();
    for (Mail& mail : mail_) {
      delivered_offset_ = mail.offset;
      switch (mail.kind) {
        case Mail::Kind::kAdopt:
          Adopt(mail.fd);
          break;
        case Mail::Kind::kMessage:
          subscriptions_.Deliver(mail.message.view());
          break;
        case Mail::Kind::kMonitorLine:
          for (auto& connection : connections_) {
            if (!connection->monitor) continue;
            HoldDelivery(*connection);
            connection->out.Append(mail.message.view().payload);
            Touch(*connection);
          }
          break;
      }
    }
    mail_.clear();
  }
}

void Worker::HandleSignals() {
  const uint32_t raised = signals_.exchange(0, std::memory_order_acq_rel);
  const auto is_raised = [raised](Signal signal) {
    return (raised & static_cast<uint32_t>(signal)) != 0;
  };
  if (is_raised(Signal::kCloseMarked)) {
    for (auto& connection : connections_) {
      if (connection->closing() || connection->close_after_reply) Touch(*connection);
    }
  }
  if (is_raised(Signal::kUnpark)) {
    UnparkAll();
    ArmExpiry();
  }
  if (is_raised(Signal::kMessagesLost)) DisconnectListeners();
  if (is_raised(Signal::kLogReached)) TouchHeld();
  if (is_raised(Signal::kMemoryFreed)) {
    TakeBackFreed();
    parts_.databases.reaper().owners().TookBack(*this);
  }
  if (is_raised(Signal::kStop)) loop_.Stop();
}

void Worker::DisconnectListeners() {
  for (auto& connection : connections_) {
    if (connection->subscriptions() == 0 && !connection->monitor) continue;
    parts_.stats.output_buffer_closed.fetch_add(1, std::memory_order_relaxed);
    connection->CloseSoon(false);
  }
}

}  // namespace terrace::server
