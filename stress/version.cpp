#include "stress/version.h"

#include "hvo_commit.h"

namespace hvo::stress {

const std::string_view kVersion = HVO_VERSION;
const std::string_view kCommit = HVO_COMMIT;

}  // namespace hvo::stress
