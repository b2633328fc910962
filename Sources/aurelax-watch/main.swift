print("aurelax-watch")
