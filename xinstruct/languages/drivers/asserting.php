<?php

/**
 * Runs program.php, whose failed assertions throw, and reports that its last statement was reached; tests.php, where
 * there is one, is run after it. Nonce and tests are pending arguments while the program runs: no variable, constant or
 * reflection leads to them.
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

function xinstruct_report(string $nonce, mixed ...$ignored): void
{
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
    echo "\n" . $nonce . "\tend\n";
}

if (is_file('tests.php')) {
    xinstruct_report(
        xinstruct_take('plan.json'),
        eval(xinstruct_first(xinstruct_take('tests.php'), require 'program.php'))
    );
} else {
    xinstruct_report(xinstruct_take('plan.json'), require 'program.php');
}
