<?php

/**
 * Runs program.php, whose failed assertions throw, and reports that its last statement was reached: the call that stands
 * behind it. tests.php, where there is one, is run after it instead. Nonce and tests are pending arguments while the
 * program runs: no variable, constant or reflection leads to them.
 */

/** The program's settings hold: assertions cannot be switched off. Disabled in the engine, so this is what it gets. */
function ini_set(string $option, mixed $value): string|false
{
    return ini_get($option);
}

function ini_alter(string $option, mixed $value): string|false
{
    return ini_get($option);
}

function ini_restore(string $option): void
{
}

function assert_options(int $option, mixed $value = null): mixed
{
    return 1;
}

function xinstruct_take(string $name): string
{
    $text = (string) file_get_contents($name);
    if (!unlink($name)) {
        exit(1);
    }
    return $text;
}

function xinstruct_first(string $text, mixed $ignored): string
{
    return $text;
}

/** The last statement of a program without a marked completion: its text was read, and run, to the end. */
function xinstruct_ended(bool $asked = false): bool
{
    static $ended = false;
    $ended = $ended || !$asked;
    return $ended;
}

/** No function in a namespace takes the place of one that PHP has: tests are read in the program's namespace. */
function xinstruct_plain(mixed $ignored): void
{
    $own = get_defined_functions();
    foreach ($own['user'] as $name) {
        $at = strrpos($name, '\\');
        if ($at !== false && in_array(substr($name, $at + 1), $own['internal'], true)) {
            fwrite(STDERR, "error: $name takes the place of a function of PHP\n");
            exit(1);
        }
    }
}

/** Report: the output is flushed, then the line is printed. */
function xinstruct_report(string $nonce, mixed ...$ignored): void
{
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
    echo "\n" . $nonce . "\tend\n";
}

/** The status of an exit of the tests themselves: 0 is an end like any other. A text is printed and says nothing. */
function xinstruct_left(string $nonce, int|string|null $status = null): int|string
{
    if ($status === 0 || $status === null) {
        xinstruct_report($nonce);
    }
    return $status ?? 0;
}

/** Leave when the program's last statement was not reached. */
function xinstruct_whole(mixed $ignored): void
{
    if (!xinstruct_ended(true)) {
        fwrite(STDERR, "error: the program ended before the end of its text\n");
        exit(1);
    }
}

if (is_file('tests.php')) {
    xinstruct_report(
        xinstruct_take('plan.json'),
        eval(xinstruct_first(xinstruct_take('tests.php'), xinstruct_plain(require 'program.php')))
    );
} else {
    xinstruct_report(xinstruct_take('plan.json'), xinstruct_whole(require 'program.php'));
}
