# Calls the function of answer.pl on each argument list of plan.json and prints what it returned. A name that is no
# function of the main package is looked for in the packages of the answer, whose functions may be methods.
package XinstructDriver;
use strict;
use warnings;
no warnings 'recursion';
use POSIX ();
use Scalar::Util qw(blessed looks_like_number reftype);

srand($ENV{XINSTRUCT_SEED} // 0);
open(my $out, '>&', \*STDOUT) or die "no output: $!";
binmode $out;

# ---- JSON of the plan
my %LONG = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");

sub unescape {
    my ($text) = @_;
    $text =~ s{\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)}{chr(0x10000 + ((hex($1) - 0xD800) << 10) + hex($2) - 0xDC00)}ge;
    $text =~ s{\\(?:u([0-9a-fA-F]{4})|(.))}{defined $1 ? chr hex $1 : $LONG{$2} // $2}ge;
    return $text;
}

sub value {
    my ($text) = @_; # a reference: its position moves on
    $$text =~ /\G[\s,:]+/gc;
    return unescape($1) if $$text =~ /\G"((?:[^"\\]++|\\.)*+)"/gc;
    if ($$text =~ /\G\[/gc) {
        my @items;
        push @items, value($text) until $$text =~ /\G[\s,]*\]/gc;
        return \@items;
    }
    if ($$text =~ /\G\{/gc) {
        my %entries;
        until ($$text =~ /\G[\s,]*\}/gc) {
            my $key = value($text);
            $entries{$key} = value($text);
        }
        return \%entries;
    }
    $$text =~ /\G([^\s,:\]\}]+)/gc or die "the plan is broken";
    return $1 eq 'null' ? undef : $1 eq 'true' ? !!1 : $1 eq 'false' ? !!0 : $1 + 0;
}

# ---- arguments
my %SPECIAL = (NaN => 9**9**9 / 9**9**9, Infinity => 9**9**9, '-Infinity' => -9**9**9);

sub decode {
    my ($kind, $given) = @_;
    my ($head, @inner) = @$kind;
    return undef unless defined $given;
    return decode($inner[0], $given) if $head eq 'optional';
    return [map { decode($inner[0], $_) } @$given] if $head eq 'list';
    return [map { decode($inner[$_], $given->[$_]) } 0 .. $#$given] if $head eq 'tuple';
    return {map { ($_->[0] => decode($inner[1], $_->[1])) } @$given} if $head eq 'dict';
    return $head eq 'float' ? $SPECIAL{$given} // $given : $given;
}

# ---- results
sub quote {
    my ($text) = @_;
    $text =~ s/([\x00-\x1f\x7f"\\])/sprintf '\\u%04x', ord $1/ge;
    utf8::encode($text);
    return "\"$text\"";
}

sub number {
    my ($kind, $n) = @_;
    return '"NaN"' if $n != $n;
    return $n > 0 ? '"Infinity"' : '"-Infinity"' if abs($n) == 9**9**9;
    return "$n" if $n =~ /^-?(?:0|[1-9][0-9]*)\z/;
    return sprintf '%.0f', $n if $kind eq 'int' && $n == POSIX::floor($n);
    my $text = sprintf '%.17g', $n;
    return $text =~ /[.e]/ ? $text : "$text.0";
}

# A scalar that does not fit the declared kind is told as text, so that it is no value of the kind.
sub scalar_text {
    my ($kind, $given) = @_;
    return $given ? 'true' : 'false' if $kind eq 'bool' && $given =~ /^[01]?\z/;
    return number($kind, $given) if ($kind eq 'int' || $kind eq 'float') && looks_like_number($given);
    return quote("$given");
}

sub entries {
    my ($kind, $given) = @_;
    my @pairs = map { '[' . encode($kind->[1], $_) . ',' . encode($kind->[2], $given->{$_}) . ']' } keys %$given;
    return '[' . join(',', @pairs) . ']';
}

sub items {
    my ($kind, $given) = @_;
    my $own = $kind->[0] eq 'tuple';
    my @parts = map { encode($own ? $kind->[$_ + 1] : $kind->[1], $given->[$_]) } 0 .. $#$given;
    return '[' . join(',', @parts) . ']';
}

# JSON form of a result of a declared kind.
sub encode {
    my ($kind, $given) = @_;
    $kind //= ['string'];
    $kind = $kind->[1] if $kind->[0] eq 'optional';
    return 'null' unless defined $given;
    return scalar_text($kind->[0], $given) unless ref $given;
    if (blessed $given) {
        return $given->bstr if $given->isa('Math::BigInt') && $given->is_int;
        return number($kind->[0], $given->numify) if $given->isa('Math::BigFloat');
    }
    my $what = reftype $given;
    return items($kind->[0] =~ /list|tuple/ ? $kind : [''], $given) if $what eq 'ARRAY';
    return entries($kind->[0] eq 'dict' ? $kind : [''], $given) if $what eq 'HASH';
    die "a result of type $what has no neutral form\n";
}

# What a function gave in list context: one value, or the items of the list or hash that is meant.
sub whole {
    my ($kind, @given) = @_;
    my $head = $kind->[0] eq 'optional' ? $kind->[1][0] : $kind->[0];
    my $wanted = {list => 'ARRAY', tuple => 'ARRAY', dict => 'HASH'}->{$head};
    die "several values where one is meant\n" if !$wanted && @given > 1;
    return $given[0] if !$wanted || @given == 1 && (!defined $given[0] || (reftype($given[0]) // '') eq $wanted);
    return $wanted eq 'ARRAY' ? [@given] : {@given};
}

# ---- calling
sub find {
    my ($name, @packages) = @_;
    no strict 'refs';
    for my $package (@packages) {
        next unless defined &{"${package}::$name"};
        my $function = \&{"${package}::$name"};
        my $new = $package->can('new');
        return $new ? sub { $function->($package->new, @_) } : $function;
    }
    die "answer.pl defines no function $name\n";
}

sub main {
    open(my $file, '<', 'plan.json') or die "no plan: $!";
    my $text = do { local $/; <$file> };
    close $file;
    unlink 'plan.json';
    my $plan = value(\$text);
    open($file, '<:raw', 'answer.pl') or die "no answer: $!";
    my $source = do { local $/; <$file> };
    close $file;
    my @packages = ('main', $source =~ /(?:^|;)\s*package\s+([\w:]+)/mg);
    { package main; do './answer.pl' }
    die $@ if $@;
    my $call = find($plan->{name}, @packages);
    for my $i (0 .. $#{$plan->{args}}) {
        my $row = $plan->{args}[$i];
        my @arguments = map { decode($plan->{params}[$_], $row->[$_]) } 0 .. $#$row;
        my $said = eval {
            my @given = $call->(@arguments);
            $plan->{returns}[0] eq 'none' ? 'null' : encode($plan->{returns}, whole($plan->{returns}, @given));
        };
        emit("$plan->{nonce}\t$i\t" . ($said // '!' . one_line($@)));
    }
    emit("$plan->{nonce}\tend");
    POSIX::_exit(0);
}

sub emit {
    my ($line) = @_;
    my $data = "\n$line\n";
    my $selected = select STDOUT;
    { local $| = 1; } # flushes it
    select $selected;
    while (length $data) {
        my $done = syswrite $out, $data;
        POSIX::_exit(70) unless defined $done;
        substr($data, 0, $done, '');
    }
}

sub one_line {
    my ($text) = map { ref $_ && !blessed $_ ? ref $_ : "$_" } @_;
    $text = substr join(' ', split ' ', $text), 0, 300;
    utf8::encode($text) if utf8::is_utf8($text);
    return $text =~ /\S/ ? $text : 'died';
}

main();
