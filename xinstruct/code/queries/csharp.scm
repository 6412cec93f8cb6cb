; run over the whole file: @function/@constant with @name, @class with @scope, @import
(method_declaration name: (identifier) @name) @function
(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @constant
(class_declaration name: (identifier) @scope) @class
(struct_declaration name: (identifier) @scope) @class
(using_directive) @import
; ---- run over one definition: @use, @bind, @skip (names read, bound, not names at all), @forbid, @erase
(identifier) @use
(member_access_expression name: (identifier) @skip)
(member_access_expression expression: (identifier) @qualifier)
(method_declaration name: (identifier) @skip)
(member_binding_expression name: (identifier) @skip)
(qualified_name) @forbid
(parameter name: (identifier) @bind)
(variable_declarator name: (identifier) @bind)
(foreach_statement left: (identifier) @bind)
(catch_declaration name: (identifier) @bind)
(implicit_parameter) @bind
(declaration_expression name: (identifier) @bind)
(declaration_pattern name: (identifier) @bind)
(type_parameter name: (identifier) @bind)
(attribute_list) @erase
"this" @forbid
"base" @forbid
(preproc_if) @forbid
(unsafe_statement) @forbid
(pointer_type) @forbid
(await_expression) @forbid
