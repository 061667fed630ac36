// markdown: the page for readers, stress/ZOO.md: what each bug was, how it shows, and what mended it.
#pragma once

#include <string>

#include "stress/zoo/tour.h"

namespace hvo::stress {

/// `command`: that made the page; `date`: as 2026-11-26.
std::string tour_markdown(const Tour& tour, const std::string& command, const std::string& date);

}  // namespace hvo::stress
