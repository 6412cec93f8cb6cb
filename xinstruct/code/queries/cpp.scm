; run over the whole file: @function/@constant with @name, @class with @scope, @import
(function_definition declarator: (function_declarator declarator: (identifier) @name)) @function
(function_definition declarator: (reference_declarator (function_declarator declarator: (identifier) @name))) @function
(function_definition declarator: (pointer_declarator (function_declarator declarator: (identifier) @name))) @function
(declaration declarator: (init_declarator declarator: (identifier) @name)) @constant
(declaration declarator: (init_declarator declarator: (array_declarator declarator: (identifier) @name))) @constant
(alias_declaration name: (type_identifier) @name) @constant
(type_definition declarator: (type_identifier) @name) @constant
(preproc_def name: (identifier) @name) @constant
(preproc_function_def name: (identifier) @name) @constant
(namespace_definition name: (namespace_identifier) @scope) @class
(class_specifier name: (type_identifier) @scope) @class
(struct_specifier name: (type_identifier) @scope) @class
(preproc_include) @import
; ---- run over one definition: @use, @bind, @skip (names read, bound, not names at all), @forbid, @erase
(identifier) @use
(type_identifier) @use
(namespace_identifier) @use
(qualified_identifier scope: (namespace_identifier) @qualifier)
(qualified_identifier scope: (_) name: (identifier) @skip)
(qualified_identifier scope: (_) name: (type_identifier) @skip)
(qualified_identifier scope: (_) name: (template_function name: (identifier) @skip))
(qualified_identifier scope: (_) name: (template_type name: (type_identifier) @skip))
(parameter_declaration declarator: (identifier) @bind)
(optional_parameter_declaration declarator: (identifier) @bind)
(reference_declarator (identifier) @bind)
(pointer_declarator declarator: (identifier) @bind)
(array_declarator declarator: (identifier) @bind)
(init_declarator declarator: (identifier) @bind)
(declaration declarator: (identifier) @bind)
(for_range_loop declarator: (identifier) @bind)
(type_parameter_declaration (type_identifier) @bind)
(optional_type_parameter_declaration name: (type_identifier) @bind)
(structured_binding_declarator (identifier) @bind)
(alias_declaration name: (type_identifier) @bind)
(call_expression function: (identifier) @call)
(call_expression function: (qualified_identifier) @far_call)
(this) @forbid
(preproc_if) @forbid
(preproc_ifdef) @forbid
(attribute_declaration) @erase
(qualified_identifier name: (qualified_identifier scope: (namespace_identifier) @skip))
(qualified_identifier name: (qualified_identifier scope: (template_type name: (type_identifier) @skip)))
(function_declarator declarator: (identifier) @bind)
(preproc_params (identifier) @bind)
