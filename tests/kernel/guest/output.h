// Where the guest's lines go: a port of QEMU's debug console, byte by byte, so that no message of the kernel gets mixed
// in. The kernel's own console is another channel.
#pragma once

#include <string>
#include <string_view>

namespace hvo::kernel {

/// Asks for the port. False: no right to, and nothing can be said.
bool open_output();
/// One line.
void say(std::string_view line);
/// A whole file of /proc or /sys; empty when it can't be read.
std::string read_file(const char* path);
/// 0, or errno.
int write_file(const std::string& path, std::string_view text);
/// The number behind `name` at the start of a line; 0 when there is none.
unsigned long number_in(const std::string& text, std::string_view name);

}  // namespace hvo::kernel
