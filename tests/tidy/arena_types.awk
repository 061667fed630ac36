# Finds members of arena types (-v types="A B …") that hold an address or memory of their own: the arena is copied byte by
# byte, and what is in it names other things by index.
#
# It reads text, not C++: members one a line, types of that name in any scope, and not the types of members.
BEGIN {
  n = split(types, name, " ")
  for (i = 1; i <= n; ++i) wanted[name[i]] = 1
}
FNR == 1 { inside = "" }
{
  line = $0
  sub(/\/\/.*/, "", line)
}
inside == "" && match(line, /^ *(struct|class) /) && line ~ /{ *$/ {
  indent = line
  sub(/[^ ].*/, "", indent)
  for (i = 1; i <= split(line, word, /[^A-Za-z_0-9]+/); ++i) {
    if (word[i] in wanted) inside = word[i]
  }
  next
}
inside != "" && line == indent "};" { inside = ""; next }
inside != "" && line !~ /[()]/ && line ~ /[*&] *[A-Za-z_]+ *(=.*|{.*})?;/ { bad = 1 }
inside != "" && line !~ /\(/ && line ~ /std::(string|string_view|vector|span|function|unique_ptr|shared_ptr|map|set|list|deque)[ <]/ { bad = 1 }
bad { printf "%s:%d: in %s: %s\n", FILENAME, FNR, inside, line; bad = 0 }
