; run over the whole file: @function/@constant with @name, @class with @scope, @import
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)])) @function
(lexical_declaration (variable_declarator name: (identifier) @name)) @constant
(variable_declaration (variable_declarator name: (identifier) @name)) @constant
(type_alias_declaration name: (type_identifier) @name) @constant
(interface_declaration name: (type_identifier) @name) @constant
(enum_declaration name: (identifier) @name) @constant
(class_declaration name: (type_identifier) @scope) @class
(internal_module name: (identifier) @scope) @class
(import_statement) @import
; ---- run over one definition: @use, @bind, @skip (names read, bound, not names at all), @forbid, @erase
(identifier) @use
(shorthand_property_identifier) @use
(type_identifier) @use
(required_parameter pattern: (identifier) @bind)
(optional_parameter pattern: (identifier) @bind)
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
(type_parameter name: (type_identifier) @bind)
(infer_type (type_identifier) @bind)
(index_signature name: (identifier) @bind)
(type_predicate name: (identifier) @skip)
(this) @forbid
(super) @forbid
(await_expression) @forbid
