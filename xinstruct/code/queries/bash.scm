; run over the whole file: @function/@constant with @name, @class with @scope, @import
(function_definition name: (word) @name) @function
(program (variable_assignment name: (variable_name) @name) @constant)
(program (declaration_command (variable_assignment name: (variable_name) @name)) @constant)
; ---- run over one definition: @use, @bind, @skip (names read, bound, not names at all), @forbid, @erase
(command name: (command_name (word) @use))
(command name: (command_name (simple_expansion) @forbid))
(command name: (command_name (expansion) @forbid))
(command name: (command_name (string) @forbid))
(variable_name) @variable
(variable_assignment name: (variable_name) @set "=")
(declaration_command (variable_name) @set)
(for_statement variable: (variable_name) @set)
(command name: (command_name (word) @_read) argument: (word) @set (#any-of? @_read "read" "mapfile" "readarray"))
