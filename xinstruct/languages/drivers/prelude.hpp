// All standard headers, and the driver: what stands before an answer that core.hpp does not do for. One precompiled
// header (prelude.hpp.gch) serves all programs.
#pragma once
#include <bits/stdc++.h>
#include <unistd.h>
#include "driver.hpp"
