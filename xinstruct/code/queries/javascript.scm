; run over the whole file: @function/@constant with @name, @class with @scope, @import
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)])) @function
(variable_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)])) @function
(assignment_expression left: (member_expression) right: (function_expression name: (identifier) @name) @function)
(lexical_declaration (variable_declarator name: (identifier) @name)) @constant
(variable_declaration (variable_declarator name: (identifier) @name)) @constant
(class_declaration name: (identifier) @scope) @class
(import_statement) @import
; ---- run over one definition: @use, @bind, @skip (names read, bound, not names at all), @forbid, @erase
(identifier) @use
(shorthand_property_identifier) @use
(formal_parameters (identifier) @bind)
(assignment_pattern left: (identifier) @bind)
(rest_pattern (identifier) @bind)
(array_pattern (identifier) @bind)
(shorthand_property_identifier_pattern) @bind
(pair_pattern value: (identifier) @bind)
(arrow_function parameter: (identifier) @bind)
(variable_declarator name: (identifier) @bind)
(for_in_statement left: (identifier) @bind)
(catch_clause parameter: (identifier) @bind)
(function_declaration name: (identifier) @bind)
(generator_function_declaration name: (identifier) @bind)
(function_expression name: (identifier) @bind)
(class_declaration name: (identifier) @bind)
(this) @forbid
(super) @forbid
(await_expression) @forbid
