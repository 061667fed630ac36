// What can go wrong in the simulated kernel without being a bug: values, never exceptions.
#pragma once

#include <string_view>

#include "core/base/types.h"

namespace hvo {

/// Errors of simulated kernel functions, named after the errno the kernel returns.
enum class Errno : u8 {
  enomem,    ///< no frame, page or budget: -ENOMEM
  enotsupp,  ///< this folio can't be optimised (size, self-hosted, switched off): -ENOTSUPP
  ebusy,     ///< someone else owns it right now (reference, reservation): -EBUSY
  einval,    ///< the request makes no sense for this object: -EINVAL
  efault,    ///< a store trapped on a read-only page: an oops in the kernel; the operation ended there
};

constexpr std::string_view errno_name(Errno e) {
  switch (e) {
    case Errno::enomem: return "ENOMEM";
    case Errno::enotsupp: return "ENOTSUPP";
    case Errno::ebusy: return "EBUSY";
    case Errno::einval: return "EINVAL";
    case Errno::efault: return "EFAULT";
  }
  return "?";
}

}  // namespace hvo
