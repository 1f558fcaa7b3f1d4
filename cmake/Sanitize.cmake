# DLC_SANITIZE=address,undefined instruments everything of ours; fuzzers get coverage as well.
if(DLC_SANITIZE)
  add_compile_options(-fsanitize=${DLC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${DLC_SANITIZE})
  if(DLC_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=vptr,function) # LLVM is built without RTTI
  endif()
endif()
if(DLC_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
