"""Search: items by words, meaning, picture and popularity, within filters; the gateway's and the tools' index."""
