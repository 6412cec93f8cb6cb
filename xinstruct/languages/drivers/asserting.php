<?php

// Runs program.php, whose failed assertions throw, and reports that its last statement was reached.
define("\0xinstruct", (string) file_get_contents('plan.json'));
@unlink('plan.json');
require 'program.php';
while (ob_get_level() > 0) {
    ob_end_flush();
}
echo "\n" . constant("\0xinstruct") . "\tend\n";
