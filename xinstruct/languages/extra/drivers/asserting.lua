-- Runs program.lua and prints the nonce when it came to its end: its chunk returned what we put behind its last
-- statement, or its last statement is os.exit and the tests of LuaUnit were run and passed. The functions of the debug
-- library that look into other functions are gone, so that the nonce is out of reach.
local file = assert(io.open("plan.json", "rb"))
local nonce = file:read("a")
file:close()
os.remove("plan.json")
file = assert(io.open("program.lua", "rb"))
local source = file:read("a"):gsub("^#[^\n]*", "")
file:close()

local exit, info, load, out, tostring = os.exit, debug.getinfo, load, io.stdout, tostring
local pairs, assert, error, pcall = pairs, assert, error, pcall
local flush, write = out.flush, out.write
for name in pairs(debug) do
  if name ~= "traceback" and name ~= "getinfo" then debug[name] = nil end
end

local function report()
  pcall(flush, io.stdout)
  write(out, "\n", nonce, "\tend\n")
  flush(out)
  exit(0, true)
end

local chunk = load(source .. "\nreturn '" .. nonce .. "'\n", "@program.lua", "t")
chunk = chunk or assert(load(source, "@program.lua", "t")) -- a return of its own stands last
local last = select(2, source:gsub("%s*$", ""):gsub("\n", "")) + 1
local kept = {}
for key, value in pairs(_G) do
  if type(value) == "function" then kept[key] = value end
end
local original = {} -- LuaUnit as it was loaded
local unit, passed -- is LuaUnit in use, did its latest run have tests that all passed

local function at_last_line()
  local level, frame = 3, info(3, "fl")
  while frame and frame.func ~= chunk do
    level = level + 1
    frame = info(level, "fl")
  end
  return frame ~= nil and frame.currentline == last
end

package.preload.luaunit = function(name)
  package.preload.luaunit = nil
  local place = assert(package.searchpath(name, package.path))
  local text = assert(io.open(place, "rb"))
  local own = setmetatable({}, { __index = _G }) -- of what LuaUnit uses nothing is replaced
  for key, value in pairs(_G) do own[key] = value end
  for key, value in pairs(kept) do own[key] = value end
  local made = assert(load(text:read("a"), "@" .. place, "t", own))(name, place)
  text:close()
  local run = made.LuaUnit.internalRunSuiteByInstances
  made.LuaUnit.internalRunSuiteByInstances = function(self, ...)
    passed = false
    run(self, ...)
    local result = self.result
    passed = result.notSuccessCount == 0 and result.skippedCount == 0 and result.successCount > 0
  end
  unit = true
  for key, value in pairs(made) do original[key] = value end
  return made
end

os.exit = function(status, ...)
  if (status == true or status == nil or status == 0) and passed and at_last_line() then report() end
  if passed == false and at_last_line() then io.stderr:write("error: an assertion of a test failed\n") end
  exit(status, ...)
end

-- Tests have these as locals (languages/extra/lua.py).
local proxy = setmetatable({}, {
  __index = function(_, key) return original[key] end,
  __newindex = function() error("not available to a program that is judged") end,
  __metatable = false,
})
local raw = rawset
rawset = function(into, key, value)
  if into == proxy then error("not available to a program that is judged") end
  return raw(into, key, value)
end
local fine, said = pcall(chunk, assert, error, pairs, ipairs, type, tostring, pcall, select, next, proxy)
if fine and said == nonce and (passed or not unit) then report() end
io.stderr:write("error: ", fine and "the end was not reached, or a test failed" or tostring(said), "\n")
exit(1, true)
