-- Calls the function of answer.lua on each argument list of plan.json and prints what it returned. A name that is no
-- global, no local of the answer's chunk and in no table that it returns is looked for in its global tables.
local char, concat, format, open, remove = utf8.char, table.concat, string.format, io.open, os.remove
local find, gsub, match, sub, byte = string.find, string.gsub, string.match, string.sub, string.byte
local mathtype, pairs, pcall, rawlen, tostring, type = math.type, pairs, pcall, rawlen, tostring, type
local error, exit, load, rawget, tonumber, select = error, os.exit, load, rawget, tonumber, select
local tointeger, unpack = math.tointeger, table.unpack
local out = io.stdout
local flush, write = out.flush, out.write

local function read(name)
  local file = open(name, "rb")
  if not file then return "" end
  local text = file:read("a")
  file:close()
  return text
end

-- ---- JSON of the plan
local LONG = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
local null = {}

local function unescape(text)
  text = gsub(text, "\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", function(high, low)
    return char(0x10000 + ((tonumber(high, 16) - 0xD800) << 10) + (tonumber(low, 16) - 0xDC00))
  end)
  return (gsub(text, "\\(u?)(.)(%x?%x?%x?)", function(u, c, rest)
    if u == "u" then return char(tonumber(c .. rest, 16)) end
    return (LONG[c] or c) .. rest
  end))
end

local value

local function items(text, at, close)
  local found, n, key = {}, 0, nil
  at = find(text, "[^%s]", at + 1)
  while sub(text, at, at) ~= close do
    local item
    item, at = value(text, at)
    at = find(text, "[^%s]", at)
    if sub(text, at, at) == ":" then
      key = item
    elseif key then
      found[key], key = item, nil
    else
      n = n + 1
      found[n] = item
    end
    if find(text, "^[,:]", at) then at = find(text, "[^%s]", at + 1) end
  end
  found.n = found.n or n
  return found, at + 1
end

function value(text, at)
  local c = sub(text, at, at)
  if c == '"' then
    local stop = at + 1
    while true do
      stop = find(text, '["\\]', stop)
      if sub(text, stop, stop) == '"' then break end
      stop = stop + 2
    end
    return unescape(sub(text, at + 1, stop - 1)), stop + 1
  end
  if c == "[" then return items(text, at, "]") end
  if c == "{" then return items(text, at, "}") end
  local word = match(text, "^[^%s,:%]}]+", at)
  local known = { null = null, ["true"] = true, ["false"] = false }
  if known[word] ~= nil then return known[word], at + #word end
  return tonumber(word), at + #word
end

-- ---- arguments
local SPECIAL = { NaN = 0 / 0, Infinity = 1 / 0, ["-Infinity"] = -1 / 0 }

local function decode(kind, given)
  local head = kind[1]
  if given == null then return nil end
  if head == "optional" then return decode(kind[2], given) end
  if head == "float" then return SPECIAL[given] or given + 0.0 end
  if head ~= "list" and head ~= "tuple" and head ~= "dict" then return given end
  local made = {}
  for i = 1, given.n do
    if head == "dict" then
      made[decode(kind[2], given[i][1])] = decode(kind[3], given[i][2])
    else
      made[i] = decode(head == "list" and kind[2] or kind[i + 1], given[i])
    end
  end
  return made
end

-- ---- results
local function quote(text)
  return '"' .. gsub(text, '[%c"\\\127]', function(c) return format("\\u%04x", byte(c)) end) .. '"'
end

local function number(kind, n)
  if mathtype(n) == "integer" then return format("%d", n) end
  if n ~= n then return '"NaN"' end
  if n == 1 / 0 or n == -1 / 0 then return n > 0 and '"Infinity"' or '"-Infinity"' end
  if kind[1] == "int" and tointeger(n) then return format("%d", tointeger(n)) end
  local text = format("%.17g", n)
  return find(text, "[.e]") and text or text .. ".0"
end

local encode

local function sequence(kind, result, length)
  local parts = {}
  for i = 1, length do
    parts[i] = encode(kind[1] == "tuple" and kind[i + 1] or kind[2] or {}, result[i])
  end
  return "[" .. concat(parts, ",") .. "]"
end

local function entries(kind, result)
  local parts = {}
  for key, item in pairs(result) do
    parts[#parts + 1] = "[" .. encode(kind[2] or {}, key) .. "," .. encode(kind[3] or {}, item) .. "]"
  end
  return "[" .. concat(parts, ",") .. "]"
end

-- JSON form of a result. The declared kind tells a list from a dict; a table that does not fit it is told as it is.
function encode(kind, result)
  local what = type(result)
  if kind[1] == "optional" then kind = kind[2] end
  if what == "nil" then return "null" end
  if what == "boolean" then return tostring(result) end
  if what == "number" then return number(kind, result) end
  if what == "string" then return quote(result) end
  if what ~= "table" then error("a result of type " .. what .. " has no neutral form", 0) end
  if kind[1] == "dict" then return entries(kind, result) end
  local count, length = 0, kind[1] == "tuple" and kind.n - 1 or rawlen(result)
  for key in next, result do
    if mathtype(key) ~= "integer" or key < 1 or key > length then return entries({}, result) end
    count = count + 1
  end
  if kind[1] ~= "tuple" and count ~= length then return entries({}, result) end
  return sequence(kind, result, length)
end

-- ---- calling
local function emit(line)
  pcall(flush, io.stdout)
  write(out, "\n", line, "\n")
  flush(out)
end

local function one_line(text)
  return (gsub(sub(tostring(text), 1, 300), "%s+", " "))
end

local function function_of(place, name)
  local found = type(place) == "table" and rawget(place, name)
  return type(found) == "function" and found or nil
end

local function locate(name, returned, before)
  local found = function_of(_G, name) or function_of(returned, name)
  if found then return found end
  if type(returned) == "function" then return returned end
  for key, place in pairs(_G) do
    if not before[key] and function_of(place, name) then return place[name] end
  end
  error("answer.lua defines no function " .. name, 0)
end

local function main()
  local plan = value(read("plan.json"), 1)
  remove("plan.json")
  local source, handed = gsub(read("answer.lua"), "^#[^\n]*", ""), read("handed.txt")
  local before = {}
  for key in pairs(_G) do before[key] = true end
  local chunk = load(source .. handed, "@answer.lua", "t")
  if not chunk then chunk = assert(load(source, "@answer.lua", "t")) end -- it ends with a return of its own
  local call = locate(plan.name, chunk(), before)
  for i = 1, plan.args.n do
    local row, arguments = plan.args[i], {}
    for at = 1, plan.params.n do arguments[at] = decode(plan.params[at], row[at]) end
    local fine, text = pcall(function()
      local result = (call(unpack(arguments, 1, plan.params.n)))
      return plan.returns[1] == "none" and "null" or encode(plan.returns, result)
    end)
    if not fine then text = "!" .. one_line(text) end
    emit(plan.nonce .. "\t" .. (i - 1) .. "\t" .. text)
  end
  emit(plan.nonce .. "\tend")
  exit(0)
end

local fine, said = pcall(main)
if not fine then
  io.stderr:write("error: ", one_line(said), "\n")
  exit(1)
end
