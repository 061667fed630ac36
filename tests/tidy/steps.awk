# Finds full expressions with more than one step of a Cpu: gcc and clang evaluate operands in different orders, so such
# an expression is another program under each.
#
# A step is a call of one of Cpu's accesses (`.read_once(…)`), or of a function that is handed a CPU first (`f(cpu, …)`).
# Statements and the operands of && || ?: and braces are in order anyway and count apart.
# What it does not see: steps behind a call that is not handed a CPU, a CPU of another name, macros, and a ternary
# operator without spaces. It reads text, not C++.
function report(    n, copy) {
  copy = text
  n = gsub(/[.>](read_once|write_once|load_acquire|store_release|fetch_add|fetch_or|fetch_and|xchg|cmpxchg|plain_load|plain_store|walker_load)(_at)?(<[a-z0-9]+>)?\(/, "", copy)
  n += gsub(/[A-Za-z_>]\((self|cpu)[,)]/, "", copy)
  if (n > 1) {
    gsub(/[ \t]+/, " ", text)
    printf "%s:%d:%s\n", FILENAME, first, text
  }
  text = ""
}
FNR == 1 { text = "" }
{
  line = $0
  gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
  sub(/\/\/.*/, "", line)
  if (line ~ /^ *#/) line = ""
  gsub(/&&|\|\|| \? | : /, ";", line)
  # What follows the parenthesis of an if, while or for is a statement of its own.
  while (match(line, /\) [A-Za-z_*]/)) line = substr(line, 1, RSTART) ";" substr(line, RSTART + 2)
  n = split(line, part, /[;{}]/)
  for (i = 1; i <= n; ++i) {
    if (text == "") first = FNR
    text = text " " part[i]
    if (i < n) report()
  }
}
