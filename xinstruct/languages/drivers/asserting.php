<?php

// Runs the text of program.php, whose failed assertions throw, with a last statement of ours behind it that gives the
// nonce back: a return, __halt_compiler() or a closing tag before it does not. Only a hash of the nonce is kept.
define("\0xinstruct", hash_file('sha256', 'plan.json'));
$GLOBALS["\0end"] = eval((function (): string {
    $source = preg_replace(['/^#![^\n]*/', '/\?>\s*$/'], '', (string) file_get_contents('program.php'));
    $nonce = (string) file_get_contents('plan.json');
    @unlink('plan.json');
    return "?>$source\n;return '$nonce';";
})());
if (!is_string($GLOBALS["\0end"]) || hash('sha256', $GLOBALS["\0end"]) !== constant("\0xinstruct")) {
    exit(0);
}
while (ob_get_level() > 0) {
    ob_end_flush();
}
echo "\n" . $GLOBALS["\0end"] . "\tend\n";
