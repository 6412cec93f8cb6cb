; run over the whole file: @function/@constant with @name, @class with @scope, @import
(method_declaration name: (identifier) @name) @function
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @constant
(class_declaration name: (identifier) @scope) @class
(enum_declaration name: (identifier) @scope) @class
(interface_declaration name: (identifier) @scope) @class
(import_declaration) @import
; ---- run over one definition: @use, @bind, @skip (names read, bound, not names at all), @forbid, @erase
(identifier) @use
(type_identifier) @use
(method_invocation object: (_) name: (identifier) @skip)
(method_invocation object: (identifier) @qualifier)
(field_access object: (identifier) @qualifier)
(field_access field: (identifier) @skip)
(method_declaration name: (identifier) @skip)
(method_invocation !object name: (identifier) @call)
(method_reference (_) "::" (identifier) @skip)
(break_statement (identifier) @skip)
(continue_statement (identifier) @skip)
(labeled_statement (identifier) @skip)
(scoped_type_identifier) @forbid
(formal_parameter name: (identifier) @bind)
(catch_formal_parameter name: (identifier) @bind)
(variable_declarator name: (identifier) @bind)
(inferred_parameters (identifier) @bind)
(lambda_expression parameters: (identifier) @bind)
(enhanced_for_statement name: (identifier) @bind)
(resource name: (identifier) @bind)
(type_parameter (type_identifier) @bind)
(marker_annotation) @erase
(annotation) @erase
(this) @forbid
(super) @forbid
