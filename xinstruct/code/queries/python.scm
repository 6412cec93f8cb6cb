; run over the whole file: @function/@constant with @name, @class with @scope, @import
(function_definition name: (identifier) @name) @function
(module (expression_statement (assignment left: (identifier) @name)) @constant)
(module (class_definition name: (identifier) @name) @constant)
(class_definition name: (identifier) @scope) @class
(import_statement) @import
(import_from_statement) @import
; ---- run over one definition: @use, @bind, @skip (names read, bound, not names at all), @forbid, @erase
(identifier) @use
(attribute attribute: (identifier) @skip)
(keyword_argument name: (identifier) @skip)
(parameters (identifier) @bind)
(lambda_parameters (identifier) @bind)
(typed_parameter (identifier) @bind)
(default_parameter name: (identifier) @bind)
(typed_default_parameter name: (identifier) @bind)
(list_splat_pattern (identifier) @bind)
(dictionary_splat_pattern (identifier) @bind)
(assignment left: (identifier) @bind)
(augmented_assignment left: (identifier) @bind)
(named_expression name: (identifier) @bind)
(pattern_list (identifier) @bind)
(tuple_pattern (identifier) @bind)
(list_pattern (identifier) @bind)
(for_statement left: (identifier) @bind)
(for_in_clause left: (identifier) @bind)
(as_pattern_target (identifier) @bind)
(case_pattern (dotted_name . (identifier) @bind .))
(keyword_pattern (identifier) @skip)
(keyword_pattern (dotted_name . (identifier) @bind .))
(splat_pattern (identifier) @bind)
(case_pattern (as_pattern (identifier) @bind))
(function_definition name: (identifier) @bind)
(class_definition name: (identifier) @bind)
(global_statement) @forbid
(nonlocal_statement (identifier) @bind)
(await) @forbid
