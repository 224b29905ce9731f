// Another client of the same engine: a session of its own, run by the fixture's executor.
#pragma once

#include "commands/support/engine_fixture.h"
#include "exec/transaction.h"

namespace terrace::testing {

class SecondClient {
 public:
  explicit SecondClient(EngineFixture& engine, uint64_t id = 2) : session(id), engine_(engine) {}
  ~SecondClient() { exec::ForgetWatches(session, engine_.executor); }

  exec::Executor::Outcome Try(const std::vector<Bytes>& args) {
    const exec::OwnedRequest request(engine_.table.Find(args[0]), Args(args.data(), args.size()),
                                     Bytes());
    engine_.executor.BeginBatch();
    return engine_.executor.Execute(session,
                                    {.command = request.command(), .args = request.args()});
  }
  std::string Run(const std::vector<Bytes>& args) {
    REQUIRE(Try(args) == exec::Executor::Outcome::kDone);
    return TakeReply();
  }
  std::string TakeReply() {
    resp::ReplyParser parser;
    while (!session.out.empty()) {
      resp::IoSlice slice;
      session.out.Gather(&slice, 1);
      parser.Feed(Bytes(slice.base, slice.len));
      session.out.Consume(slice.len);
    }
    resp::ReplyValue value;
    return parser.Next(&value) == resp::ReplyParser::Outcome::kValue ? value.ToString() : "";
  }

  exec::Session session;

 private:
  EngineFixture& engine_;
};

}  // namespace terrace::testing
