// See gloo/context.h. ProcessGroupGloo.hpp includes this and names nothing of it.
#pragma once

namespace gloo {
class Algorithm;
}
