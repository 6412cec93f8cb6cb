# Runs a script whose last statement is one of ours: it holds the nonce, and the interpreter reads it from a pipe, so
# that it stands in no file. Arguments: the text before and after the nonce, then the interpreter's command line.
# A script that ends early by a mark of its language's (__END__) cuts off our statement too, and does not pass.
nonce=$(<plan.json)
rm -f plan.json
before=$1 after=$2
shift 2
exec "$@" <(cat program; printf '\n;%s%s%s;\n' "$before" "$nonce" "$after")
