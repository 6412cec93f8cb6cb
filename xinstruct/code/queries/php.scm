; run over the whole file: @function/@constant with @name, @class with @scope, @import
(function_definition name: (name) @name) @function
(method_declaration name: (name) @name) @function
(const_declaration (const_element (name) @name)) @constant
(class_declaration name: (name) @scope) @class
(trait_declaration name: (name) @scope) @class
; ---- run over one definition: @use, @bind, @skip (names read, bound, not names at all), @forbid, @erase
(function_call_expression function: (name) @use)
(function_call_expression function: (qualified_name) @use)
(object_creation_expression (name) @use)
(object_creation_expression (qualified_name) @forbid)
(scoped_call_expression scope: (_) @qualifier name: (name) @use)
(class_constant_access_expression . (_) @qualifier (name) @use)
(scoped_property_access_expression) @forbid
(named_type (name) @use)
(binary_expression operator: "instanceof" right: (name) @use)
(binary_expression operator: "instanceof" right: (qualified_name) @use)
(attribute_list) @erase
(yield_expression) @forbid
((variable_name) @forbid (#eq? @forbid "$this"))
(global_declaration) @forbid
(function_static_declaration) @forbid
