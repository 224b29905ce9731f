// Whether the running test case has failed so far: decides if a server's folder is worth keeping.
#pragma once

namespace terrace::integration {

bool CurrentCaseFailed();

}  // namespace terrace::integration
