<?php

/**
 * Runs program.php, whose failed assertions throw, and reports that its last statement was reached. The nonce is a
 * pending argument of xinstruct_report while the program runs: no variable, constant or reflection leads to it.
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

function xinstruct_take(): string
{
    $nonce = (string) file_get_contents('plan.json');
    if (!unlink('plan.json')) {
        exit(1);
    }
    return $nonce;
}

function xinstruct_report(string $nonce, mixed $ignored): void
{
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
    echo "\n" . $nonce . "\tend\n";
}

xinstruct_report(xinstruct_take(), require 'program.php');
